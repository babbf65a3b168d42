export interface TestCounts {
  /** Runs of vitest whose summary was found. */
  readonly runs: number
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

/**
 * Adds up the summaries that vitest runs left in a log, with or without colours and turbo's prefixes. A test file that failed
 * without running a test counts as one failure.
 */
export function countTests(log: string): TestCounts {
  let counts: TestCounts = { runs: 0, passed: 0, failed: 0, skipped: 0 }
  let failedFiles = 0
  for (const line of stripColours(log).split(/\r?\n/)) {
    const files = /\bTest Files {2}(.*)$/.exec(line)
    if (files !== null) failedFiles = numberBefore('failed', files[1] ?? '')
    const tests = /\bTests {2}(.*)$/.exec(line)
    if (tests === null) continue
    const summary = tests[1] ?? ''
    counts = {
      runs: counts.runs + 1,
      passed: counts.passed + numberBefore('passed', summary),
      failed: counts.failed + (numberBefore('failed', summary) || failedFiles),
      skipped: counts.skipped + numberBefore('skipped', summary),
    }
    failedFiles = 0
  }
  return counts
}

function numberBefore(word: string, text: string): number {
  return Number(new RegExp(`(\\d+) ${word}`).exec(text)?.[1] ?? 0)
}

function stripColours(text: string): string {
  // eslint-disable-next-line no-control-regex -- ESC is what begins a colour
  return text.replaceAll(/\u001B\[[0-9;]*m/g, '')
}
