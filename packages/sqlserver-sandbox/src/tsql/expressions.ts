import { notImplemented } from '../engine/errors.ts'
import type { Expression, OrderItem, Over, Query } from './ast.ts'
import { type Cursor, numberLiteral } from './cursor.ts'

/** Parses a value or a search condition; which of the two a place wants is checked when the statement is bound. */
export function parseExpression(c: Cursor): Expression {
  let left = parseAnd(c)
  while (c.accept('OR')) left = { kind: 'or', left, right: parseAnd(c) }
  return left
}

function parseAnd(c: Cursor): Expression {
  let left = parseNot(c)
  while (c.accept('AND')) left = { kind: 'and', left, right: parseNot(c) }
  return left
}

function parseNot(c: Cursor): Expression {
  if (c.accept('NOT')) return { kind: 'not', operand: parseNot(c) }
  return parsePredicate(c)
}

const comparisons = ['=', '<>', '!=', '<=', '>=', '<', '>', '!<', '!>'] as const

function parsePredicate(c: Cursor): Expression {
  if (c.at('EXISTS', '(')) {
    c.next()
    return { kind: 'exists', query: parenthesizedQuery(c) }
  }
  const left = parseAdditive(c)
  const operator = c.acceptOne(comparisons)
  if (operator !== undefined) {
    if (c.at('ALL') || c.at('ANY') || c.at('SOME')) throw notImplemented(`${c.token.upper} comparisons`)
    const normal = operator === '!=' ? '<>' : operator === '!<' ? '>=' : operator === '!>' ? '<=' : operator
    return { kind: 'compare', operator: normal, left, right: parseAdditive(c) }
  }
  if (c.accept('IS')) {
    const negated = c.accept('NOT')
    if (c.accept('DISTINCT', 'FROM')) {
      return { kind: 'compare', operator: negated ? 'same' : 'different', left, right: parseAdditive(c) }
    }
    c.expect('NULL')
    return { kind: 'isNull', operand: left, negated }
  }
  const negated =
    c.at('NOT') && (c.peek(1).upper === 'LIKE' || c.peek(1).upper === 'IN' || c.peek(1).upper === 'BETWEEN')
  if (negated) c.next()
  if (c.accept('LIKE')) {
    const pattern = parseAdditive(c)
    const escape = c.accept('ESCAPE') ? parseAdditive(c) : undefined
    return { kind: 'like', operand: left, pattern, escape, negated }
  }
  if (c.accept('BETWEEN')) {
    const low = parseAdditive(c)
    c.expect('AND')
    return { kind: 'between', operand: left, low, high: parseAdditive(c), negated }
  }
  if (c.accept('IN')) {
    if (c.at('(') && startsQuery(c, 1)) return { kind: 'in', operand: left, list: parenthesizedQuery(c), negated }
    c.expect('(')
    const list = [parseExpression(c)]
    while (c.accept(',')) list.push(parseExpression(c))
    c.expect(')')
    return { kind: 'in', operand: left, list, negated }
  }
  return left
}

function startsQuery(c: Cursor, ahead: number): boolean {
  let i = ahead
  while (c.peek(i).kind === 'operator' && c.peek(i).text === '(') i++
  return c.peek(i).kind === 'word' && c.peek(i).upper === 'SELECT'
}

function parenthesizedQuery(c: Cursor): Query {
  c.expect('(')
  const query = c.query(c)
  c.expect(')')
  return query
}

export function parseAdditive(c: Cursor): Expression {
  let left = parseMultiplicative(c)
  for (;;) {
    const operator = c.acceptOne(['+', '-', '&', '|', '^'])
    if (operator === undefined) return left
    left = { kind: 'binary', operator, left, right: parseMultiplicative(c) }
  }
}

function parseMultiplicative(c: Cursor): Expression {
  let left = parseUnary(c)
  for (;;) {
    const operator = c.acceptOne(['*', '/', '%'])
    if (operator === undefined) return left
    left = { kind: 'binary', operator, left, right: parseUnary(c) }
  }
}

function parseUnary(c: Cursor): Expression {
  const operator = c.acceptOne(['-', '+', '~'])
  if (operator === undefined) return parsePostfix(c)
  const operand = parseUnary(c)
  if (
    operator === '-' &&
    operand.kind === 'literal' &&
    (typeof operand.value === 'number' || typeof operand.value === 'bigint')
  ) {
    return { ...operand, value: -operand.value }
  }
  return { kind: 'unary', operator, operand }
}

function parsePostfix(c: Cursor): Expression {
  let operand = parsePrimary(c)
  while (c.accept('COLLATE')) operand = { kind: 'collate', operand, collation: c.next().text }
  return operand
}

/** Reserved words that are functions all the same. */
const callableKeywords = new Set(['LEFT', 'RIGHT', 'COALESCE', 'NULLIF', 'USER'])
const bareFunctions = new Set(['CURRENT_TIMESTAMP', 'CURRENT_USER', 'SESSION_USER', 'SYSTEM_USER', 'USER'])

function parsePrimary(c: Cursor): Expression {
  const token = c.token
  switch (token.kind) {
    case 'number': {
      c.next()
      return { kind: 'literal', ...numberLiteral(token.text) }
    }
    case 'string':
      c.next()
      return {
        kind: 'literal',
        type: { name: 'varchar', length: Math.min(8000, Math.max(1, token.text.length)) },
        value: token.text,
      }
    case 'nstring':
      c.next()
      return {
        kind: 'literal',
        type: { name: 'nvarchar', length: token.text.length > 4000 ? -1 : Math.max(1, token.text.length) },
        value: token.text,
      }
    case 'binary': {
      c.next()
      const value = new Uint8Array(Buffer.from(token.text.length % 2 === 1 ? `0${token.text}` : token.text, 'hex'))
      return {
        kind: 'literal',
        type: { name: 'varbinary', length: value.length > 8000 ? -1 : Math.max(1, value.length) },
        value,
      }
    }
    case 'variable':
      c.next()
      return { kind: 'variable', name: token.text }
    case 'operator':
      if (c.at('(')) {
        if (startsQuery(c, 1)) return { kind: 'subquery', query: parenthesizedQuery(c) }
        c.next()
        const inner = parseExpression(c)
        c.expect(')')
        return inner
      }
      throw c.syntaxError()
    case 'word':
      return parseWord(c)
    case 'quoted':
      return parseName(c)
    default:
      throw c.syntaxError()
  }
}

function parseWord(c: Cursor): Expression {
  const token = c.token
  if (c.accept('NULL')) return { kind: 'null' }
  if (c.accept('DEFAULT')) return { kind: 'default' }
  if (c.accept('CASE')) return parseCase(c)
  const isCall = c.peek(1).kind === 'operator' && c.peek(1).text === '('
  if (isCall) {
    switch (token.upper) {
      case 'CAST':
      case 'TRY_CAST': {
        c.position += 2
        const operand = parseExpression(c)
        c.expect('AS')
        const type = c.typeName()
        c.expect(')')
        return { kind: 'cast', operand, type, attempt: token.upper === 'TRY_CAST', style: undefined }
      }
      case 'CONVERT':
      case 'TRY_CONVERT': {
        c.position += 2
        const type = c.typeName()
        c.expect(',')
        const operand = parseExpression(c)
        const style = c.accept(',') ? parseExpression(c) : undefined
        c.expect(')')
        return { kind: 'cast', operand, type, attempt: token.upper === 'TRY_CONVERT', style }
      }
      default:
        if (callableKeywords.has(token.upper)) {
          c.next()
          return parseCall(c, token.text, undefined)
        }
    }
  }
  if (bareFunctions.has(token.upper)) {
    c.next()
    return call(token.text, [])
  }
  return parseName(c)
}

function call(name: string, args: readonly Expression[]): Expression {
  return {
    kind: 'call',
    name,
    schema: undefined,
    arguments: args,
    distinct: false,
    star: false,
    over: undefined,
    withinGroup: undefined,
  }
}

function parseName(c: Cursor): Expression {
  const parts = [c.identifier()]
  while (c.accept('.')) {
    if (c.accept('*')) return { kind: 'star', qualifier: parts }
    if (c.at('.')) parts.push('')
    else parts.push(c.identifier())
  }
  if (c.at('(')) {
    const name = parts.at(-1) ?? ''
    return parseCall(c, name, parts.length > 1 ? parts[parts.length - 2] : undefined)
  }
  return { kind: 'column', parts }
}

/** Functions whose first argument is a bare word: a date part. */
const datePartFunctions = new Set(['DATEADD', 'DATEDIFF', 'DATEDIFF_BIG', 'DATEPART', 'DATENAME', 'DATETRUNC'])

function parseCall(c: Cursor, name: string, schema: string | undefined): Expression {
  c.expect('(')
  const args: Expression[] = []
  let star = false
  const distinct = c.accept('DISTINCT')
  if (c.accept('*')) star = true
  else if (!c.at(')')) {
    if (datePartFunctions.has(name.toUpperCase())) {
      args.push({ kind: 'literal', type: { name: 'varchar', length: 20 }, value: c.identifier().toLowerCase() })
      c.expect(',')
    } else c.accept('ALL')
    do args.push(parseExpression(c))
    while (c.accept(','))
  }
  c.expect(')')
  let withinGroup: OrderItem[] | undefined
  if (c.accept('WITHIN', 'GROUP')) {
    c.expect('(', 'ORDER', 'BY')
    withinGroup = parseOrderItems(c)
    c.expect(')')
  }
  const over = c.accept('OVER') ? parseOver(c) : undefined
  return { kind: 'call', name, schema, arguments: args, distinct, star, over, withinGroup }
}

export function parseOrderItems(c: Cursor): OrderItem[] {
  const items: OrderItem[] = []
  do {
    const expression = parseExpression(c)
    const descending = c.accept('DESC')
    if (!descending) c.accept('ASC')
    items.push({ expression, descending })
  } while (c.accept(','))
  return items
}

function parseOver(c: Cursor): Over {
  c.expect('(')
  const partitionBy: Expression[] = []
  if (c.accept('PARTITION', 'BY')) {
    do partitionBy.push(parseExpression(c))
    while (c.accept(','))
  }
  const orderBy = c.accept('ORDER', 'BY') ? parseOrderItems(c) : []
  let frame: string | undefined
  if (c.at('ROWS') || c.at('RANGE')) {
    const unit = c.next().upper
    if (c.accept('BETWEEN')) {
      const low = parseBound(c)
      c.expect('AND')
      frame = `${unit} BETWEEN ${low} AND ${parseBound(c)}`
    } else frame = `${unit} ${parseBound(c)}`
  }
  c.expect(')')
  return { partitionBy, orderBy, frame }
}

function parseBound(c: Cursor): string {
  if (c.accept('CURRENT', 'ROW')) return 'CURRENT ROW'
  const amount = c.accept('UNBOUNDED')
    ? 'UNBOUNDED'
    : c.token.kind === 'number' && /^\d+$/.test(c.token.text)
      ? c.next().text
      : undefined
  const side = c.acceptOne(['PRECEDING', 'FOLLOWING'])
  if (amount === undefined || side === undefined) throw c.syntaxError()
  return `${amount} ${side}`
}

function parseCase(c: Cursor): Expression {
  const operand = c.at('WHEN') ? undefined : parseExpression(c)
  const whens: { when: Expression; result: Expression }[] = []
  while (c.accept('WHEN')) {
    const when = parseExpression(c)
    c.expect('THEN')
    whens.push({ when, result: parseExpression(c) })
  }
  if (whens.length === 0) throw c.syntaxError()
  const otherwise = c.accept('ELSE') ? parseExpression(c) : undefined
  c.expect('END')
  return { kind: 'case', operand, whens, otherwise }
}
