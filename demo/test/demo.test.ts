import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const run = promisify(execFile)
const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

test('the demo ends with its one line and exit code 0', async () => {
  const { stdout } = await run(process.execPath, [at('../src/main.ts')])
  expect(stdout.trimEnd().split('\n').at(-1)).toBe('source 1100 · journal 1150 · target 1100 · verified')
  expect(stdout).toMatch(/Orders: read 1000 → snapshot \d+ → inserted 1000, updated 0/)
  expect(stdout).toMatch(/Orders: read 150 → snapshot \d+ → inserted 100, updated 50/)
  expect(stdout).toMatch(/snapshot \d+: 1000 rows; now: 1150 rows/)
}, 120_000)

test('an argument that the demo does not know is refused', async () => {
  await expect(run(process.execPath, [at('../src/main.ts'), '--kepp', 'x'])).rejects.toMatchObject({ code: 1 })
})

test('the script tells the same story with the command', async (context) => {
  context.skip(process.platform === 'win32', 'the script needs bash and POSIX tools')
  const { stdout } = await run('bash', [at('../06-incremental-sync-demo.sh')])
  expect(stdout).toMatch(/snapshot \d+: +1000 rows; now: +1150 rows/)
  expect(stdout).toContain('inserted 100, updated 50')
  expect(stdout.trimEnd().split('\n').at(-1)).toBe('source 1100 · journal 1150 · target 1100 · verified')
}, 120_000)
