import { syntaxNear } from '../engine/errors.ts'
import type { Statement } from './ast.ts'
import type { Cursor } from './cursor.ts'
import { parseExpression } from './expressions.ts'

/** Options that are ON or OFF. */
const switches = new Set(
  'XACT_ABORT NOCOUNT QUOTED_IDENTIFIER ANSI_NULLS ANSI_PADDING ANSI_WARNINGS ANSI_DEFAULTS ANSI_NULL_DFLT_ON ARITHABORT CONCAT_NULL_YIELDS_NULL NUMERIC_ROUNDABORT CURSOR_CLOSE_ON_COMMIT IMPLICIT_TRANSACTIONS FMTONLY NOEXEC PARSEONLY'.split(
    ' ',
  ),
)

/** SET of a variable, an option, IDENTITY_INSERT or the isolation level. */
export function parseSet(c: Cursor): Statement {
  const line = c.line
  c.expect('SET')
  if (c.token.kind === 'variable') {
    const name = c.variable()
    const operator = c.next().text
    if (!/^[-+*/%&|^]?=$/.test(operator)) throw c.syntaxError()
    const value = parseExpression(c)
    if (operator === '=') return { kind: 'setVariable', line, name, value }
    return {
      kind: 'setVariable',
      line,
      name,
      value: { kind: 'binary', operator: operator.slice(0, 1), left: { kind: 'variable', name }, right: value },
    }
  }
  if (c.accept('TRANSACTION', 'ISOLATION', 'LEVEL')) {
    const words = [c.next().upper]
    if (words[0] === 'READ' || words[0] === 'REPEATABLE') words.push(c.next().upper)
    return { kind: 'setIsolation', line, level: words.join(' ').toLowerCase() }
  }
  if (c.accept('IDENTITY_INSERT')) {
    const table = c.objectName()
    const on = c.accept('ON')
    if (!on) c.expect('OFF')
    return { kind: 'setIdentityInsert', line, table, on }
  }
  const names: string[] = []
  do {
    if (c.token.kind !== 'word') throw c.syntaxError()
    const word = c.next().upper
    names.push(word === 'STATISTICS' ? `STATISTICS ${c.next().upper}` : word)
  } while (c.accept(','))
  const negative = c.accept('-') ? '-' : ''
  const value = c.next()
  if (names.some((name) => switches.has(name)) && value.upper !== 'ON' && value.upper !== 'OFF')
    throw syntaxNear(value.text, line)
  if (names.includes('LOCK_TIMEOUT') && value.kind !== 'number') throw syntaxNear(value.text, line)
  if (value.kind === 'end' || value.kind === 'operator') throw c.syntaxError()
  return { kind: 'setOption', line, names, value: negative + (value.kind === 'word' ? value.upper : value.text) }
}
