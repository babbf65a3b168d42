import { notImplemented, sqlError, syntaxNear } from '../engine/errors.ts'
import type { Assignment, CommonTable, DmlTarget, Expression, MergeWhen, Output, Statement } from './ast.ts'
import type { Cursor } from './cursor.ts'
import { parseExpression } from './expressions.ts'
import {
  compound,
  parseFrom,
  parseHints,
  parseOption,
  parseQuery,
  parseRows,
  parseSelectItem,
  parseTop,
} from './queries.ts'

export function parseTarget(c: Cursor): DmlTarget {
  if (c.token.kind === 'variable') return { kind: 'variable', name: c.variable() }
  return { kind: 'table', name: c.objectName(), hints: parseHints(c) }
}

function parseOutput(c: Cursor): Output | undefined {
  if (!c.accept('OUTPUT')) return undefined
  const items = [parseSelectItem(c)]
  while (c.accept(',')) items.push(parseSelectItem(c))
  if (!c.accept('INTO')) return { items, into: undefined }
  const target = parseTarget(c)
  return { items, into: { target, columns: c.at('(') ? c.nameList() : undefined } }
}

export function parseInsert(c: Cursor, common: readonly CommonTable[], execute: (c: Cursor) => Statement): Statement {
  const line = c.line
  c.expect('INSERT')
  if (c.at('TOP')) throw notImplemented('INSERT TOP')
  c.accept('INTO')
  const target = parseTarget(c)
  const columns = c.at('(') && c.peek(1).upper !== 'SELECT' ? c.nameList() : undefined
  const output = parseOutput(c)
  const base = { kind: 'insert', line, with: common, target, columns, output } as const
  if (c.accept('DEFAULT', 'VALUES')) return { ...base, source: { kind: 'defaults' } }
  if (c.accept('VALUES')) {
    const rows = parseRows(c)
    if (rows.length > 1000) {
      throw sqlError(
        10738,
        `The number of row value expressions in the INSERT statement exceeds the maximum allowed number of 1000 row values.`,
        { severity: 15, line },
      )
    }
    parseOption(c)
    return { ...base, source: { kind: 'values', rows } }
  }
  if (c.at('EXEC') || c.at('EXECUTE')) return { ...base, source: { kind: 'execute', statement: execute(c) } }
  const query = parseQuery(c, common)
  parseOption(c)
  return { ...base, source: { kind: 'query', query } }
}

function parseAssignments(c: Cursor): Assignment[] {
  const set: Assignment[] = []
  do {
    if (c.token.kind === 'variable') {
      const variable = c.variable()
      const operator = c.next().text
      if (c.atIdentifier() && c.peek(1).text === '=' && operator === '=')
        throw notImplemented('SET @variable = column = expression')
      set.push({
        variable,
        column: undefined,
        value: compound(operator, { kind: 'variable', name: variable }, parseExpression(c)),
      })
      continue
    }
    const parts = c.objectName()
    const column = parts.at(-1) ?? ''
    const operator = c.next().text
    if (!/^[-+*/%&|^]?=$/.test(operator)) throw c.syntaxError()
    set.push({ column, variable: undefined, value: compound(operator, { kind: 'column', parts }, parseExpression(c)) })
  } while (c.accept(','))
  return set
}

export function parseUpdate(c: Cursor, common: readonly CommonTable[]): Statement {
  const line = c.line
  c.expect('UPDATE')
  if (c.at('STATISTICS')) throw notImplemented('UPDATE STATISTICS')
  const top = parseWriteTop(c)
  const target = parseTarget(c)
  c.expect('SET')
  const set = parseAssignments(c)
  const output = parseOutput(c)
  const from = c.accept('FROM') ? parseFrom(c) : undefined
  const where = c.accept('WHERE') ? parseExpression(c) : undefined
  parseOption(c)
  return { kind: 'update', line, with: common, top, target, set, output, from, where }
}

export function parseDelete(c: Cursor, common: readonly CommonTable[]): Statement {
  const line = c.line
  c.expect('DELETE')
  const top = parseWriteTop(c)
  c.accept('FROM')
  const target = parseTarget(c)
  const output = parseOutput(c)
  const from = c.accept('FROM') ? parseFrom(c) : undefined
  const where = c.accept('WHERE') ? parseExpression(c) : undefined
  parseOption(c)
  return { kind: 'delete', line, with: common, top, target, output, from, where }
}

/** TOP of a write needs parentheses. */
function parseWriteTop(c: Cursor): Expression | undefined {
  if (c.at('TOP') && c.peek(1).text !== '(') throw syntaxNear(c.peek(1).text, c.line)
  return parseTop(c)?.count
}

/** MERGE must end with a semicolon: error 10713. */
export function parseMerge(c: Cursor, common: readonly CommonTable[]): Statement {
  const line = c.line
  c.expect('MERGE')
  if (c.at('TOP')) throw notImplemented('MERGE TOP')
  c.accept('INTO')
  const target = parseTarget(c)
  let alias: string | undefined
  if (c.accept('AS')) alias = c.identifier()
  else if (c.atIdentifier() && !c.at('USING')) alias = c.identifier()
  c.expect('USING')
  const source = parseFrom(c)
  c.expect('ON')
  const on = parseExpression(c)
  const whens: MergeWhen[] = []
  while (c.accept('WHEN')) whens.push(parseWhen(c))
  if (whens.length === 0) throw c.syntaxError()
  checkWhens(whens, line)
  const output = parseOutput(c)
  parseOption(c)
  if (!c.at(';')) throw sqlError(10713, 'A MERGE statement must be terminated by a semi-colon (;).', { line })
  return { kind: 'merge', line, with: common, target, alias, source, on, whens, output }
}

function parseWhen(c: Cursor): MergeWhen {
  const negated = c.accept('NOT')
  c.expect('MATCHED')
  let match: MergeWhen['match'] = negated ? 'notMatchedByTarget' : 'matched'
  if (negated && c.accept('BY')) {
    if (c.accept('SOURCE')) match = 'notMatchedBySource'
    else c.expect('TARGET')
  }
  const condition = c.accept('AND') ? parseExpression(c) : undefined
  c.expect('THEN')
  if (match !== 'notMatchedByTarget') {
    if (c.accept('DELETE')) return { match, condition, action: { kind: 'delete' } }
    c.expect('UPDATE', 'SET')
    return { match, condition, action: { kind: 'update', set: parseAssignments(c) } }
  }
  c.expect('INSERT')
  const columns = c.at('(') ? c.nameList() : undefined
  if (c.accept('DEFAULT', 'VALUES')) return { match, condition, action: { kind: 'insert', columns, values: undefined } }
  c.expect('VALUES')
  const rows = parseRows(c)
  const values = rows[0]
  if (rows.length !== 1 || values === undefined) throw c.syntaxError()
  return { match, condition, action: { kind: 'insert', columns, values } }
}

const clauses = {
  matched: 'WHEN MATCHED',
  notMatchedByTarget: 'WHEN NOT MATCHED',
  notMatchedBySource: 'WHEN NOT MATCHED BY SOURCE',
} as const

/** A clause without a condition is the last of its kind, and no kind does the same thing twice. */
function checkWhens(whens: readonly MergeWhen[], line: number): void {
  for (const [i, when] of whens.entries()) {
    const earlier = whens.slice(0, i).filter((w) => w.match === when.match)
    const clause = clauses[when.match]
    if (earlier.some((w) => w.condition === undefined)) {
      const message = `In a MERGE statement, a '${clause}' clause with a search condition cannot appear after a '${clause}' clause with no search condition.`
      throw sqlError(5324, message, { line, severity: 15 })
    }
    if (earlier.some((w) => w.action.kind === when.action.kind)) {
      const verb = when.action.kind.toUpperCase()
      const message = `An action of type '${verb}' cannot appear more than once in a '${clause}' clause of a MERGE statement.`
      throw sqlError(10714, message, { line, severity: 15 })
    }
  }
}
