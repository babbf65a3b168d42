/** Prints `N passed, N failed` over all vitest runs in a log file: `node checks/src/sum-tests.ts LOG`. Exits with 1 when one failed or none ran. */
import { readFileSync } from 'node:fs'
import { countTests } from './test-counts.ts'

const { runs, passed, failed, skipped } = countTests(readFileSync(process.argv[2] ?? '', 'utf8'))
if (skipped > 0) process.stdout.write(`${skipped} skipped\n`)
process.stdout.write(`${passed} passed, ${failed} failed\n`)
if (failed > 0 || runs === 0) process.exitCode = 1
