import { SandboxSqlError } from '../session.ts'

/** A SQL Server error with its number; the line is set by the statement that ran into it. */
export function sqlError(
  number: number,
  message: string,
  options: { state?: number; severity?: number; line?: number } = {},
): SandboxSqlError {
  return new SandboxSqlError({
    number,
    message,
    state: options.state ?? 1,
    severity: options.severity ?? severityOf(number),
    line: options.line ?? 0,
  })
}

/** What the sandbox does not do is refused by name, never accepted in silence. */
export function notImplemented(construct: string): SandboxSqlError {
  return sqlError(40517, `The sandbox does not implement ${construct}.`)
}

export function syntaxNear(text: string, line: number): SandboxSqlError {
  return sqlError(102, `Incorrect syntax near '${text}'.`, { line })
}

const severities: Readonly<Record<number, number>> = {
  547: 16,
  1205: 13,
  1222: 16,
  2601: 14,
  2627: 14,
  18456: 14,
  4060: 11,
  911: 16,
  102: 15,
  105: 15,
  156: 15,
  170: 15,
  137: 15,
  134: 15,
  321: 15,
  8152: 16,
  10713: 15,
  319: 15,
  103: 15,
  132: 15,
  135: 15,
  136: 15,
  178: 15,
  109: 15,
  110: 15,
  1018: 15,
  4145: 15,
  1033: 15,
  3902: 16,
  3903: 16,
  229: 14,
  10760: 15,
}

function severityOf(number: number): number {
  return severities[number] ?? 16
}
