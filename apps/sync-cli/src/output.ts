/** Version of the JSON objects that `--json` prints; it grows when a field changes its meaning or goes. */
export const jsonSchemaVersion = 1

/** Where a command writes: results on `out`, diagnostics on `err`. */
export interface Output {
  readonly json: boolean
  readonly out: (text: string) => void
  readonly err: (text: string) => void
  /** As `out`, but settles only when the reader has taken it: for output of any length. */
  readonly write: (text: string) => Promise<void>
}

/** Prints one result: a JSON object on one line under `--json`, else the text. */
export function printResult(output: Output, type: string, value: object, text: string): void {
  output.out(output.json ? `${jsonLine({ schemaVersion: jsonSchemaVersion, type, ...value })}\n` : `${text}\n`)
}

/** Prints one failure on `err`, and under `--json` on `out` too, so that a program sees every table. */
export function printFailure(output: Output, about: { readonly label?: string }, error: unknown): void {
  const failure = describeError(error)
  if (output.json) {
    output.out(`${jsonLine({ schemaVersion: jsonSchemaVersion, type: 'error', ...about, ...failure })}\n`)
  }
  const place = about.label === undefined || failure.message.includes(about.label) ? '' : `${about.label}: `
  output.err(`${place}${failure.message}\n${failure.hint === undefined ? '' : `  → ${failure.hint}\n`}`)
}

/** The parts of an error that an operator acts on. Ours carry code and hint, a stranger's only its message. */
export function describeError(error: unknown): {
  readonly code: string
  readonly message: string
  readonly hint?: string
  readonly retryable: boolean
} {
  if (!(error instanceof Error)) return { code: 'unknown', message: String(error), retryable: false }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : 'unexpected'
  const retryable = 'retryable' in error && error.retryable === true
  const hint = 'hint' in error && typeof error.hint === 'string' && error.hint !== '' ? error.hint : undefined
  return { code, message: error.message, retryable, ...(hint === undefined ? {} : { hint }) }
}

/** JSON with 64-bit integers as strings: no reader loses digits. */
export function jsonLine(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) => (typeof item === 'bigint' ? item.toString() : item))
}

/** Lines of text in columns, two blanks apart; the first row is the heading. */
export function textTable(rows: readonly (readonly string[])[]): string {
  const widths = rows.reduce<number[]>(
    (all, row) => row.map((cell, index) => Math.max(all[index] ?? 0, cell.length)),
    [],
  )
  return rows
    .map((row) =>
      row
        .map((cell, index) => cell.padEnd(widths[index] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
