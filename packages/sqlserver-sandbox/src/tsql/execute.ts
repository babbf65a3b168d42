import { notImplemented } from '../engine/errors.ts'
import type { ExecuteArgument, Expression, Statement } from './ast.ts'
import { Cursor } from './cursor.ts'
import { parseExpression } from './expressions.ts'

/** EXECUTE of a procedure or of a text; `bare` without its keyword. */
export function parseExecute(c: Cursor, bare = false): Statement {
  const line = c.line
  if (!bare && !c.accept('EXEC')) c.expect('EXECUTE')
  if (c.accept('(')) {
    const text = parseExpression(c)
    c.expect(')')
    if (c.at('AS') || c.at('AT')) throw notImplemented(`EXECUTE (...) ${c.token.upper}`)
    return { kind: 'executeText', line, text }
  }
  let returnTo: string | undefined
  if (c.token.kind === 'variable') {
    returnTo = c.variable()
    c.expect('=')
  }
  const procedure = c.objectName()
  const args: ExecuteArgument[] = []
  if (startsArgument(c)) {
    do {
      let name: string | undefined
      if (c.token.kind === 'variable' && c.peek(1).text === '=' && c.peek(1).kind === 'operator') {
        name = c.variable()
        c.next()
      }
      const value: Expression =
        c.token.kind === 'word' && !c.at('NULL') && !c.at('DEFAULT')
          ? { kind: 'literal', type: { name: 'nvarchar', length: 128 }, value: c.identifier() }
          : parseArgument(c)
      const output = c.accept('OUTPUT') || c.accept('OUT')
      args.push({ name, value, output })
    } while (c.accept(','))
  }
  return { kind: 'execute', line, procedure, returnTo, arguments: args }
}

function startsArgument(c: Cursor): boolean {
  const token = c.token
  if (token.kind === 'end') return false
  if (token.kind === 'word') return c.at('NULL') || c.at('DEFAULT')
  return token.kind !== 'operator' || token.text === '-'
}

/** An argument of EXEC is a literal or a variable, never an expression. */
function parseArgument(c: Cursor): Expression {
  const negative = c.accept('-')
  const token = c.token
  if (negative && token.kind !== 'number') throw c.syntaxError()
  if (c.accept('NULL')) return { kind: 'null' }
  if (c.accept('DEFAULT')) return { kind: 'default' }
  c.next()
  const single = new Cursor(`${negative ? '-' : ''}${c.text.slice(token.start, token.end)}`, { query: c.query })
  return parseExpression(single)
}
