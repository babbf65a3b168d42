import { notImplemented } from './errors.ts'
import type { SessionState } from './state.ts'

/** Options whose one supported value is SQL Server's default for clients. */
const fixed: Readonly<Record<string, string>> = {
  ANSI_NULLS: 'ON',
  ANSI_PADDING: 'ON',
  ANSI_WARNINGS: 'ON',
  ANSI_DEFAULTS: 'ON',
  ANSI_NULL_DFLT_ON: 'ON',
  ARITHABORT: 'ON',
  CONCAT_NULL_YIELDS_NULL: 'ON',
  NUMERIC_ROUNDABORT: 'OFF',
  IMPLICIT_TRANSACTIONS: 'OFF',
  FMTONLY: 'OFF',
  NOEXEC: 'OFF',
  PARSEONLY: 'OFF',
  LANGUAGE: 'US_ENGLISH',
  DATEFORMAT: 'MDY',
  DATEFIRST: '7',
  ROWCOUNT: '0',
}

/** Options that change nothing here; there are no cursors. */
const ignored = new Set([
  'TEXTSIZE',
  'STATISTICS IO',
  'STATISTICS TIME',
  'DEADLOCK_PRIORITY',
  'QUERY_GOVERNOR_COST_LIMIT',
  'CONTEXT_INFO',
  'CURSOR_CLOSE_ON_COMMIT',
])

export function setOption(state: SessionState, names: readonly string[], value: string): void {
  const on = value.toUpperCase() === 'ON'
  for (const name of names) {
    if (name === 'XACT_ABORT') state.options.xactAbort = on
    else if (name === 'NOCOUNT') state.options.nocount = on
    else if (name === 'QUOTED_IDENTIFIER') state.options.quotedIdentifiers = on
    else if (name === 'LOCK_TIMEOUT') state.options.lockTimeoutMs = Number(value)
    else if (name === 'ARITHABORT' && !on) continue
    else if (!ignored.has(name)) {
      if (fixed[name] === undefined || fixed[name] !== value.toUpperCase()) throw notImplemented(`SET ${name} ${value}`)
    }
  }
}
