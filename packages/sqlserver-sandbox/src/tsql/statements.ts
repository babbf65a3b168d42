import { notImplemented, sqlError, syntaxNear } from '../engine/errors.ts'
import type { Expression, ObjectName, Statement, StatementOf } from './ast.ts'
import { Cursor } from './cursor.ts'
import { parseAlter, parseCreate, parseDrop, parseTableBody } from './ddl.ts'
import { parseDelete, parseInsert, parseMerge, parseUpdate } from './dml.ts'
import { parseExecute } from './execute.ts'
import { parseExpression } from './expressions.ts'
import { parseInsertBulk } from './insert-bulk.ts'
import { parseCommonTables, parseOption, parseQuery } from './queries.ts'
import { parseSet } from './set.ts'

/** Parses a whole batch. A batch that does not parse runs nothing, as in SQL Server. */
export function parseBatch(text: string, options: { quotedIdentifiers?: boolean } = {}): Statement[] {
  const cursor = new Cursor(text, { ...options, query: (c) => parseQuery(c) })
  const statements: Statement[] = []
  let ended = true
  while (cursor.token.kind !== 'end') {
    if (cursor.accept(';')) {
      ended = true
      continue
    }
    if (cursor.at('WITH') && !ended) throw unterminated(cursor.line)
    statements.push(parseStatement(cursor))
    ended = false
  }
  for (const statement of statements) refuseBreak(statement)
  const schema = statements.findIndex((s) => s.kind === 'createSchema')
  if (schema > 0)
    throw sqlError(111, "'CREATE SCHEMA' must be the first statement in a query batch.", {
      line: statements[schema]?.line ?? 1,
      severity: 15,
    })
  if (schema === 0 && statements[1] !== undefined) throw syntaxNear('CREATE SCHEMA', statements[1].line)
  return statements
}

/** Parses one expression that stands alone, such as a stored default. */
export function parseExpressionText(text: string): Expression {
  const cursor = new Cursor(text, { query: (c) => parseQuery(c) })
  const expression = parseExpression(cursor)
  if (cursor.token.kind !== 'end') throw cursor.syntaxError()
  return expression
}

/** Parses an object name inside a string, as OBJECT_ID takes it; undefined when it is none. */
export function parseNameText(text: string): ObjectName | undefined {
  try {
    const cursor = new Cursor(text, { query: (c) => parseQuery(c) })
    const name = cursor.objectName()
    return cursor.token.kind === 'end' ? name : undefined
  } catch {
    return undefined
  }
}

/** BREAK and CONTINUE have a place in a loop only. */
function refuseBreak(s: Statement): void {
  switch (s.kind) {
    case 'break':
      throw sqlError(135, 'Cannot use a BREAK statement outside the scope of a WHILE statement.', { line: s.line })
    case 'continue':
      throw sqlError(136, 'Cannot use a CONTINUE statement outside the scope of a WHILE statement.', { line: s.line })
    case 'block':
      s.statements.forEach(refuseBreak)
      return
    case 'try':
      s.body.forEach(refuseBreak)
      s.handler.forEach(refuseBreak)
      return
    case 'if':
      refuseBreak(s.body)
      if (s.otherwise !== undefined) refuseBreak(s.otherwise)
      return
    default:
  }
}

/** A statement inside another, where CREATE SCHEMA has no place. */
function parseNested(c: Cursor): Statement {
  const statement = parseStatement(c)
  if (statement.kind === 'createSchema')
    throw sqlError(156, "Incorrect syntax near the keyword 'SCHEMA'.", { line: statement.line })
  return statement
}

function unterminated(line: number): Error {
  return sqlError(
    319,
    "Incorrect syntax near the keyword 'with'. If this statement is a common table expression, an xmlnamespaces clause or a change tracking context clause, the previous statement must be terminated with a semicolon.",
    { line },
  )
}

function parseStatement(c: Cursor): Statement {
  const line = c.line
  if (c.at('WITH')) {
    c.next()
    const common = parseCommonTables(c)
    if (c.at('INSERT')) return parseInsert(c, common, parseExecute)
    if (c.at('UPDATE')) return parseUpdate(c, common)
    if (c.at('DELETE')) return parseDelete(c, common)
    if (c.at('MERGE')) return parseMerge(c, common)
    const query = parseQuery(c, common)
    parseOption(c)
    return { kind: 'select', line, query }
  }
  const token = c.token
  if (token.kind === 'operator' && token.text === '(') {
    const query = parseQuery(c)
    return { kind: 'select', line, query }
  }
  if (token.kind !== 'word') throw c.syntaxError()
  switch (token.upper) {
    case 'SELECT': {
      const query = parseQuery(c)
      parseOption(c)
      return { kind: 'select', line, query }
    }
    case 'INSERT':
      return c.peek(1).upper === 'BULK' ? parseInsertBulk(c) : parseInsert(c, [], parseExecute)
    case 'UPDATE':
      return parseUpdate(c, [])
    case 'DELETE':
      return parseDelete(c, [])
    case 'MERGE':
      return parseMerge(c, [])
    case 'CREATE':
      return parseCreate(c)
    case 'DROP':
      return parseDrop(c)
    case 'ALTER':
      return parseAlter(c)
    case 'TRUNCATE':
      c.expect('TRUNCATE', 'TABLE')
      return { kind: 'truncate', line, name: c.objectName() }
    case 'DECLARE':
      return parseDeclare(c)
    case 'SET':
      return parseSet(c)
    case 'USE':
      c.next()
      return { kind: 'use', line, database: c.identifier() }
    case 'IF':
      return parseIf(c)
    case 'WHILE': {
      c.next()
      const condition = parseExpression(c)
      return { kind: 'while', line, condition, body: parseNested(c) }
    }
    case 'BREAK':
    case 'CONTINUE':
      c.next()
      return { kind: token.upper === 'BREAK' ? 'break' : 'continue', line }
    case 'BEGIN':
      return parseBegin(c)
    case 'COMMIT':
    case 'ROLLBACK':
      c.next()
      if (!c.acceptOne(['TRANSACTION', 'TRAN', 'WORK']))
        return { kind: token.upper === 'COMMIT' ? 'commit' : 'rollback', line, name: undefined }
      return { kind: token.upper === 'COMMIT' ? 'commit' : 'rollback', line, name: transactionName(c) }
    case 'SAVE':
      c.next()
      if (!c.accept('TRAN')) c.expect('TRANSACTION')
      return { kind: 'save', line, name: transactionName(c) ?? c.identifier() }
    case 'PRINT':
      c.next()
      return { kind: 'print', line, value: parseExpression(c) }
    case 'RETURN':
      c.next()
      if (startsExpression(c))
        throw sqlError(178, 'A RETURN statement with a return value cannot be used in this context.', { line })
      return { kind: 'return', line }
    case 'RAISERROR':
      return parseRaiserror(c)
    case 'THROW': {
      c.next()
      if (!startsExpression(c)) return { kind: 'throw', line, arguments: [] }
      const args = [parseExpression(c)]
      while (c.accept(',')) args.push(parseExpression(c))
      if (args.length !== 3) throw c.syntaxError()
      return { kind: 'throw', line, arguments: args }
    }
    case 'EXEC':
    case 'EXECUTE':
      return parseExecute(c)
    case 'WAITFOR': {
      c.expect('WAITFOR', 'DELAY')
      if (c.token.kind !== 'string') throw c.syntaxError()
      return { kind: 'waitfor', line, delay: c.next().text }
    }
    case 'GO':
      throw c.syntaxError()
    case 'GRANT':
    case 'DENY':
    case 'REVOKE':
    case 'DBCC':
    case 'BACKUP':
    case 'RESTORE':
    case 'OPEN':
    case 'FETCH':
    case 'CLOSE':
    case 'DEALLOCATE':
    case 'KILL':
    case 'CHECKPOINT':
    case 'GOTO':
    case 'BULK':
      throw notImplemented(`the statement ${token.upper}`)
    default:
      // A batch may begin with a procedure's name without EXEC.
      if (c.position === 0 && c.atIdentifier() && !c.at(';')) return parseExecute(c, true)
      throw c.syntaxError()
  }
}

function startsExpression(c: Cursor): boolean {
  const token = c.token
  return (
    token.kind !== 'end' &&
    token.kind !== 'word' &&
    !(token.kind === 'operator' && token.text !== '-' && token.text !== '(')
  )
}

function transactionName(c: Cursor): string | undefined {
  if (c.token.kind === 'variable') return c.next().text
  if (c.atIdentifier() && !(c.token.kind === 'word' && (c.token.upper === 'THROW' || c.token.upper === 'GO')))
    return c.identifier()
  return undefined
}

function parseIf(c: Cursor): Statement {
  const line = c.line
  c.expect('IF')
  const condition = parseExpression(c)
  const body = parseNested(c)
  const position = c.position
  c.accept(';')
  if (c.accept('ELSE')) return { kind: 'if', line, condition, body, otherwise: parseNested(c) }
  c.position = position
  return { kind: 'if', line, condition, body, otherwise: undefined }
}

function parseUntilEnd(c: Cursor): Statement[] {
  const statements: Statement[] = []
  let ended = true
  while (!c.at('END')) {
    if (c.accept(';')) {
      ended = true
      continue
    }
    if (c.at('WITH') && !ended) throw unterminated(c.line)
    statements.push(parseNested(c))
    ended = false
  }
  c.next()
  return statements
}

function parseBegin(c: Cursor): Statement {
  const line = c.line
  c.expect('BEGIN')
  if (c.acceptOne(['TRANSACTION', 'TRAN']) !== undefined) {
    const name = transactionName(c)
    if (c.accept('WITH', 'MARK') && c.token.kind === 'string') c.next()
    return { kind: 'begin', line, name }
  }
  if (c.at('DISTRIBUTED')) throw notImplemented('BEGIN DISTRIBUTED TRANSACTION')
  if (c.accept('TRY')) {
    const body = parseUntilEnd(c)
    c.expect('TRY')
    c.expect('BEGIN', 'CATCH')
    const handler = parseUntilEnd(c)
    c.expect('CATCH')
    return { kind: 'try', line, body, handler }
  }
  return { kind: 'block', line, statements: parseUntilEnd(c) }
}

function parseDeclare(c: Cursor): Statement {
  const line = c.line
  c.expect('DECLARE')
  if (c.token.kind !== 'variable' && c.peek(1).upper === 'CURSOR') throw notImplemented('CURSOR')
  const variables: StatementOf<'declare'>['variables'][number][] = []
  do {
    const name = c.variable()
    c.accept('AS')
    if (c.accept('TABLE')) {
      const body = parseTableBody(c)
      return { kind: 'declareTable', line, name, body }
    }
    if (c.at('CURSOR')) throw notImplemented('CURSOR')
    const type = c.typeName()
    variables.push({ name, type, value: c.accept('=') ? parseExpression(c) : undefined })
  } while (c.accept(','))
  return { kind: 'declare', line, variables }
}

function parseRaiserror(c: Cursor): Statement {
  const line = c.line
  c.expect('RAISERROR', '(')
  const args = [parseExpression(c)]
  while (c.accept(',')) args.push(parseExpression(c))
  c.expect(')')
  if (args.length < 3) throw c.syntaxError()
  const options: string[] = []
  if (c.accept('WITH')) {
    do options.push(c.next().upper)
    while (c.accept(','))
  }
  return { kind: 'raiserror', line, arguments: args, options }
}
