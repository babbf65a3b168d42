import { notImplemented, sqlError } from '../engine/errors.ts'
import type { ObjectName, CommonTable, Expression, FromItem, Query, QueryBody, Select, SelectItem } from './ast.ts'
import type { Cursor } from './cursor.ts'
import { parseAdditive, parseExpression, parseOrderItems } from './expressions.ts'
import { statementWords } from './keywords.ts'

export function parseQuery(c: Cursor, common: readonly CommonTable[] = []): Query {
  const body = parseUnion(c)
  const orderBy = c.accept('ORDER', 'BY') ? parseOrderItems(c) : []
  let offset: Expression | undefined
  let fetch: Expression | undefined
  if (orderBy.length > 0 && c.accept('OFFSET')) {
    offset = parseAdditive(c)
    if (!c.accept('ROWS')) c.expect('ROW')
    if (c.accept('FETCH')) {
      if (!c.accept('NEXT')) c.expect('FIRST')
      fetch = parseAdditive(c)
      if (!c.accept('ROWS')) c.expect('ROW')
      c.expect('ONLY')
    }
  }
  if (c.at('FOR')) throw notImplemented(`FOR ${c.peek(1).upper} (the FOR clause)`)
  if (offset !== undefined && body.kind === 'select' && body.top !== undefined)
    throw sqlError(10741, 'A TOP can not be used in the same query or sub-query as a OFFSET.', {
      line: c.line,
      severity: 15,
      state: 2,
    })
  return { kind: 'query', with: common, body, orderBy, offset, fetch }
}

/** WITH name [(columns)] AS (query), ... */
export function parseCommonTables(c: Cursor): CommonTable[] {
  const tables: CommonTable[] = []
  do {
    const name = c.identifier()
    const columns = c.at('(') ? c.nameList() : undefined
    c.expect('AS', '(')
    const query = parseQuery(c)
    c.expect(')')
    tables.push({ name, columns, query })
  } while (c.accept(','))
  return tables
}

function parseUnion(c: Cursor): QueryBody {
  let left = parseIntersect(c)
  for (;;) {
    if (c.accept('UNION')) {
      const operator = c.accept('ALL') ? 'unionAll' : 'union'
      left = { kind: 'set', operator, left, right: parseIntersect(c) }
    } else if (c.accept('EXCEPT')) left = { kind: 'set', operator: 'except', left, right: parseIntersect(c) }
    else return left
  }
}

function parseIntersect(c: Cursor): QueryBody {
  let left = parseTerm(c)
  while (c.accept('INTERSECT')) left = { kind: 'set', operator: 'intersect', left, right: parseTerm(c) }
  return left
}

function parseTerm(c: Cursor): QueryBody {
  if (c.accept('(')) {
    const body = parseUnion(c)
    c.expect(')')
    return body
  }
  return parseSelect(c)
}

function parseSelect(c: Cursor): Select {
  c.expect('SELECT')
  const distinct = c.accept('DISTINCT')
  if (!distinct) c.accept('ALL')
  const top = parseTop(c)
  const items = [parseSelectItem(c)]
  while (c.accept(',')) items.push(parseSelectItem(c))
  const into = c.accept('INTO') ? c.objectName() : undefined
  const from = c.accept('FROM') ? parseFrom(c) : undefined
  const where = c.accept('WHERE') ? parseExpression(c) : undefined
  const groupBy: Expression[] = []
  if (c.accept('GROUP', 'BY')) {
    do groupBy.push(parseExpression(c))
    while (c.accept(','))
    if (c.at('WITH')) throw notImplemented(`GROUP BY ... WITH ${c.peek(1).upper}`)
  }
  const having = c.accept('HAVING') ? parseExpression(c) : undefined
  return { kind: 'select', distinct, top, items, into, from, where, groupBy, having }
}

export function parseTop(c: Cursor): Select['top'] {
  if (!c.accept('TOP')) return undefined
  let count: Expression
  if (c.accept('(')) {
    count = parseExpression(c)
    c.expect(')')
  } else if (c.token.kind === 'number') count = parseAdditive(c)
  else throw c.syntaxError()
  const percent = c.accept('PERCENT')
  if (percent) throw notImplemented('TOP ... PERCENT')
  const withTies = c.accept('WITH', 'TIES')
  if (withTies) throw notImplemented('TOP ... WITH TIES')
  return { count, percent, withTies }
}

export function parseSelectItem(c: Cursor): SelectItem {
  if (c.accept('*')) return { expression: { kind: 'star', qualifier: [] }, alias: undefined }
  const second = c.peek(1)
  if (
    c.token.kind === 'variable' &&
    !c.token.text.startsWith('@@') &&
    second.kind === 'operator' &&
    /^[-+*/%&|^]?=$/.test(second.text)
  ) {
    const variable = c.variable()
    const operator = c.next().text
    const value = parseExpression(c)
    return { variable, alias: undefined, expression: compound(operator, { kind: 'variable', name: variable }, value) }
  }
  if (c.atIdentifier() && second.kind === 'operator' && second.text === '=') {
    const alias = c.identifier()
    c.next()
    return { expression: parseExpression(c), alias }
  }
  const expression = parseExpression(c)
  if (expression.kind === 'star') return { expression, alias: undefined }
  return { expression, alias: parseAlias(c, true) }
}

/** `+=` and its kin. */
export function compound(operator: string, left: Expression, right: Expression): Expression {
  return operator === '=' ? right : { kind: 'binary', operator: operator.slice(0, 1), left, right }
}

function parseAlias(c: Cursor, stringsToo = false): string | undefined {
  if (c.accept('AS')) {
    if (stringsToo && (c.token.kind === 'string' || c.token.kind === 'nstring')) return c.next().text
    return c.identifier()
  }
  if (stringsToo && c.token.kind === 'string') return c.next().text
  if (c.atIdentifier() && !(c.token.kind === 'word' && statementWords.has(c.token.upper))) {
    if (c.at('OFFSET') || c.at('OUTPUT') || c.at('USING')) return undefined
    return c.identifier()
  }
  return undefined
}

export function parseFrom(c: Cursor): FromItem {
  let left = parseJoins(c)
  while (c.accept(',')) left = { kind: 'join', type: 'cross', left, right: parseJoins(c), on: undefined }
  return left
}

const joinHints = ['LOOP', 'HASH', 'MERGE', 'REMOTE'] as const

function parseJoins(c: Cursor): FromItem {
  let left = parseSource(c)
  for (;;) {
    if (c.accept('CROSS', 'JOIN')) left = { kind: 'join', type: 'cross', left, right: parseSource(c), on: undefined }
    else if (c.accept('CROSS', 'APPLY'))
      left = { kind: 'join', type: 'crossApply', left, right: parseSource(c), on: undefined }
    else if (c.accept('OUTER', 'APPLY'))
      left = { kind: 'join', type: 'outerApply', left, right: parseSource(c), on: undefined }
    else {
      const type = joinType(c)
      if (type === undefined) return left
      const right = parseJoinOperand(c)
      c.expect('ON')
      left = { kind: 'join', type, left, right, on: parseExpression(c) }
    }
  }
}

function joinType(c: Cursor): 'inner' | 'left' | 'right' | 'full' | undefined {
  const start = c.position
  let type: 'inner' | 'left' | 'right' | 'full' = 'inner'
  if (c.accept('INNER')) type = 'inner'
  else {
    const side = c.acceptOne(['LEFT', 'RIGHT', 'FULL'])
    if (side !== undefined) {
      c.accept('OUTER')
      type = side === 'LEFT' ? 'left' : side === 'RIGHT' ? 'right' : 'full'
    }
  }
  c.acceptOne(joinHints)
  if (c.accept('JOIN')) return type
  c.position = start
  return undefined
}

function parseSource(c: Cursor): FromItem {
  if (c.token.kind === 'variable') {
    const name = c.variable()
    return { kind: 'variable', name, alias: parseAlias(c) }
  }
  if (c.at('(')) return parseParenthesizedSource(c)
  const name = c.objectName()
  if (c.at('(')) {
    c.next()
    const args: Expression[] = []
    if (!c.at(')')) {
      do args.push(parseExpression(c))
      while (c.accept(','))
    }
    c.expect(')')
    return { kind: 'function', name, arguments: args, alias: parseAlias(c) }
  }
  if (c.at('FOR', 'SYSTEM_TIME')) throw notImplemented('FOR SYSTEM_TIME')
  if (c.at('TABLESAMPLE')) throw notImplemented('TABLESAMPLE')
  const alias = parseAlias(c)
  if (c.at('PIVOT') || c.at('UNPIVOT')) throw notImplemented(c.token.upper)
  return { kind: 'table', name, alias, hints: parseHints(c, isCatalog(name)) }
}

function parseParenthesizedSource(c: Cursor): FromItem {
  c.expect('(')
  if (c.accept('VALUES')) {
    const rows = parseRows(c)
    c.expect(')')
    const alias = parseAlias(c)
    if (alias === undefined || !c.at('(')) throw c.syntaxError()
    return { kind: 'values', rows, alias, columns: c.nameList() }
  }
  const start = c.position
  while (c.accept('('));
  const isQuery = c.at('SELECT')
  c.position = start
  if (!isQuery) {
    const joined = parseFrom(c)
    c.expect(')')
    return joined
  }
  const query = parseQuery(c)
  c.expect(')')
  const alias = parseAlias(c)
  if (alias === undefined) throw c.syntaxError()
  return { kind: 'derived', query, alias, columns: c.at('(') ? c.nameList() : undefined }
}

export function parseRows(c: Cursor): Expression[][] {
  const rows: Expression[][] = []
  do {
    c.expect('(')
    const row = [parseExpression(c)]
    while (c.accept(',')) row.push(parseExpression(c))
    c.expect(')')
    rows.push(row)
  } while (c.accept(','))
  return rows
}

const knownHints = new Set(
  `NOLOCK READUNCOMMITTED UPDLOCK REPEATABLEREAD SERIALIZABLE READCOMMITTED READCOMMITTEDLOCK FASTFIRSTROW TABLOCK TABLOCKX PAGLOCK
ROWLOCK HOLDLOCK XLOCK NOWAIT FORCESEEK FORCESCAN NOEXPAND KEEPIDENTITY KEEPDEFAULTS READPAST IGNORE_CONSTRAINTS IGNORE_TRIGGERS`.split(
    /\s+/,
  ),
)

/** WITH (hint, ...). An unknown hint is error 321, as in SQL Server; READPAST and SNAPSHOT would change the result and are refused, but READPAST on a view of the catalog, where no row is locked here. */
export function parseHints(c: Cursor, catalog = false): string[] {
  if (!c.at('WITH', '(')) return []
  c.position += 2
  const hints: string[] = []
  do {
    const hint = c.next()
    const name = hint.upper.toUpperCase()
    if (name === 'SNAPSHOT' || (name === 'READPAST' && !catalog)) throw notImplemented(`the table hint ${name}`)
    if (name === 'INDEX') {
      if (c.accept('=')) c.next()
      else skipParenthesized(c)
      hints.push(name)
    } else if (knownHints.has(name) && hint.kind === 'word') {
      if (name === 'FORCESEEK' && c.at('(')) skipParenthesized(c)
      hints.push(name)
    } else
      throw sqlError(
        321,
        `"${hint.text}" is not a recognized table hints option. If it is intended as a parameter to a table-valued function or to the CHANGETABLE function, ensure that your database compatibility mode is set to 90.`,
        { line: hint.line },
      )
    c.accept(',')
  } while (!c.at(')'))
  c.expect(')')
  return hints
}

function isCatalog(name: ObjectName): boolean {
  const schema = name.at(-2)?.toLowerCase()
  return schema === 'sys' || schema === 'information_schema'
}

function skipParenthesized(c: Cursor): void {
  c.expect('(')
  for (let depth = 1; depth > 0;) {
    const token = c.next()
    if (token.kind === 'end') throw c.syntaxError()
    if (token.kind === 'operator' && token.text === '(') depth++
    if (token.kind === 'operator' && token.text === ')') depth--
  }
}

const queryHints = [
  ['RECOMPILE'],
  ['LOOP', 'JOIN'],
  ['HASH', 'JOIN'],
  ['MERGE', 'JOIN'],
  ['HASH', 'GROUP'],
  ['ORDER', 'GROUP'],
  ['CONCAT', 'UNION'],
  ['HASH', 'UNION'],
  ['MERGE', 'UNION'],
  ['FORCE', 'ORDER'],
  ['KEEP', 'PLAN'],
  ['KEEPFIXED', 'PLAN'],
  ['ROBUST', 'PLAN'],
  ['EXPAND', 'VIEWS'],
  ['IGNORE_NONCLUSTERED_COLUMNSTORE_INDEX'],
  ['DISABLE_OPTIMIZED_PLAN_FORCING'],
  ['NO_PERFORMANCE_SPOOL'],
] as const

/** OPTION (hint, ...): known hints are accepted, since a plan is not what the sandbox stands in for. */
export function parseOption(c: Cursor): void {
  if (!c.accept('OPTION')) return
  c.expect('(')
  do {
    if (queryHints.some((words) => c.accept(...words))) continue
    if (c.accept('MAXDOP') || c.accept('FAST') || c.accept('MAXRECURSION') || c.accept('QUERYTRACEON')) {
      if (c.token.kind !== 'number') throw c.syntaxError()
      c.next()
    } else if (c.accept('OPTIMIZE', 'FOR')) {
      if (!c.accept('UNKNOWN')) skipParenthesized(c)
    } else if (c.accept('USE', 'HINT')) skipParenthesized(c)
    else throw c.syntaxError()
  } while (c.accept(','))
  c.expect(')')
}

/** The right side of a join: a source, or a nested join when two ON clauses follow each other. */
function parseJoinOperand(c: Cursor): FromItem {
  const right = parseSource(c)
  if (c.at('ON')) return right
  const type = joinType(c)
  if (type === undefined) return right
  const inner = parseJoinOperand(c)
  c.expect('ON')
  return { kind: 'join', type, left: right, right: inner, on: parseExpression(c) }
}
