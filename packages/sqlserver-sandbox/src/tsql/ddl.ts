import { notImplemented } from '../engine/errors.ts'
import type { AlterAction, ColumnSpec, IndexColumn, ObjectName, Statement, TableBody, TableConstraint } from './ast.ts'
import type { Cursor } from './cursor.ts'
import { parseAdditive, parseExpression } from './expressions.ts'
import { parseIndexFilter } from './index-filter.ts'

export function parseCreate(c: Cursor): Statement {
  const line = c.line
  c.expect('CREATE')
  if (c.accept('TABLE')) {
    const name = c.objectName()
    const body = parseTableBody(c)
    skipStorage(c)
    return { kind: 'createTable', line, name, body }
  }
  if (c.accept('SCHEMA')) {
    const name = c.identifier()
    if (c.accept('AUTHORIZATION')) c.identifier()
    return { kind: 'createSchema', line, name }
  }
  if (c.accept('DATABASE')) {
    const name = c.identifier()
    return { kind: 'createDatabase', line, name, collation: c.accept('COLLATE') ? c.identifier() : undefined }
  }
  if (c.accept('TYPE')) {
    const name = c.objectName()
    if (c.accept('AS')) throw notImplemented('CREATE TYPE ... AS TABLE')
    c.expect('FROM')
    const type = c.typeName()
    return { kind: 'createType', line, name, type, nullable: parseNullability(c) }
  }
  const start = c.position
  const unique = c.accept('UNIQUE')
  const clustered = parseClustered(c) === true
  if (c.accept('INDEX')) {
    const name = c.identifier()
    c.expect('ON')
    const table = c.objectName()
    const columns = parseIndexColumns(c)
    const include = c.accept('INCLUDE') ? c.nameList() : []
    // Only nonclustered indexes take one.
    const filtered = !clustered && c.accept('WHERE')
    const filter = filtered ? parseIndexFilter(c, { index: name, table: table.at(-1) ?? '' }) : undefined
    if (clustered && c.at('WHERE')) throw c.syntaxError()
    skipStorage(c)
    return { kind: 'createIndex', line, name, unique, clustered, table, columns, include, filter }
  }
  c.position = start
  throw notImplemented(`CREATE ${c.token.upper}`)
}

function parseNullability(c: Cursor): boolean | undefined {
  if (c.accept('NOT', 'NULL')) return false
  if (c.accept('NULL')) return true
  return undefined
}

function parseClustered(c: Cursor): boolean | undefined {
  if (c.accept('CLUSTERED')) return true
  if (c.accept('NONCLUSTERED')) return false
  return undefined
}

/** WITH (...) and ON filegroup: where and how an index is stored does not matter here. */
function skipStorage(c: Cursor): void {
  if (c.at('WITH', '(')) {
    c.next()
    let depth = 0
    do {
      const token = c.next()
      if (token.kind === 'end') throw c.syntaxError()
      if (token.upper === 'SYSTEM_VERSIONING' || token.upper === 'MEMORY_OPTIMIZED' || token.upper === 'LEDGER')
        throw notImplemented(token.upper)
      if (token.kind === 'operator' && token.text === '(') depth++
      if (token.kind === 'operator' && token.text === ')') depth--
    } while (depth > 0)
  }
  if (c.accept('ON')) c.identifier()
  if (c.accept('TEXTIMAGE_ON')) c.identifier()
}

function parseIndexColumns(c: Cursor): IndexColumn[] {
  c.expect('(')
  const columns: IndexColumn[] = []
  do {
    const name = c.identifier()
    const descending = c.accept('DESC')
    if (!descending) c.accept('ASC')
    columns.push({ name, descending })
  } while (c.accept(','))
  c.expect(')')
  return columns
}

interface MutableBody {
  columns: ColumnSpec[]
  constraints: TableConstraint[]
  indexes: TableBody['indexes'][number][]
}

export function parseTableBody(c: Cursor): TableBody {
  const body: MutableBody = { columns: [], constraints: [], indexes: [] }
  c.expect('(')
  do {
    if (c.at(')')) break
    parseTableElement(c, body)
  } while (c.accept(','))
  c.expect(')')
  return body
}

function parseTableElement(c: Cursor, body: MutableBody): void {
  if (c.at('PERIOD', 'FOR')) throw notImplemented('PERIOD FOR SYSTEM_TIME')
  if (c.accept('INDEX')) {
    const name = c.identifier()
    const unique = c.accept('UNIQUE')
    const clustered = parseClustered(c) === true
    body.indexes.push({ name, unique, clustered, columns: parseIndexColumns(c) })
    skipStorage(c)
    return
  }
  const constraint = parseConstraint(c, undefined)
  if (constraint !== undefined) body.constraints.push(constraint)
  else body.columns.push(parseColumn(c, body))
}

function parseConstraint(c: Cursor, column: string | undefined): TableConstraint | undefined {
  const name = c.accept('CONSTRAINT') ? c.identifier() : undefined
  if (c.at('PRIMARY') || c.at('UNIQUE')) {
    const kind = c.accept('PRIMARY', 'KEY') ? 'primaryKey' : 'unique'
    if (kind === 'unique') c.expect('UNIQUE')
    const clustered = parseClustered(c)
    const columns = column === undefined || c.at('(') ? parseIndexColumns(c) : [{ name: column, descending: false }]
    skipStorage(c)
    return { kind, name, clustered, columns }
  }
  if (c.at('FOREIGN') || c.at('REFERENCES')) {
    const columns = c.accept('FOREIGN', 'KEY') ? (c.at('(') ? c.nameList() : [column ?? '']) : [column ?? '']
    c.expect('REFERENCES')
    const table = c.objectName()
    const references = c.at('(') ? c.nameList() : []
    let onDelete = 'NO ACTION'
    let onUpdate = 'NO ACTION'
    while (c.at('ON', 'DELETE') || c.at('ON', 'UPDATE')) {
      c.next()
      const event = c.next().upper
      let action = c.next().upper
      if (action === 'NO' || action === 'SET') action += ` ${c.next().upper}`
      if (action !== 'NO ACTION') throw notImplemented(`ON ${event} ${action}`)
      if (event === 'DELETE') onDelete = action
      else onUpdate = action
    }
    return { kind: 'foreignKey', name, columns, table, references, onDelete, onUpdate }
  }
  if (c.accept('CHECK')) {
    c.expect('(')
    const text = c.textOf(() => parseExpression(c))
    c.expect(')')
    return { kind: 'check', name, text: `(${text})`, column }
  }
  if (c.at('DEFAULT')) {
    c.next()
    const text = c.textOf(() => parseAdditive(c))
    if (c.accept('FOR')) return { kind: 'default', name, text: wrapped(text), column: c.identifier() }
    return { kind: 'default', name, text: wrapped(text), column: column ?? '' }
  }
  if (name !== undefined) throw c.syntaxError()
  return undefined
}

/** SQL Server keeps definitions in parentheses. */
function wrapped(text: string): string {
  return text.startsWith('(') && text.endsWith(')') ? text : `(${text})`
}

function parseColumn(c: Cursor, body: MutableBody): ColumnSpec {
  const name = c.identifier()
  if (c.accept('AS')) {
    const text = wrapped(c.textOf(() => parseAdditive(c)))
    const persisted = c.accept('PERSISTED')
    const nullable = parseNullability(c)
    columnConstraints(c, name, body)
    return {
      name,
      type: undefined,
      computed: { text, persisted },
      nullable,
      identity: undefined,
      collation: undefined,
      sparse: false,
      rowGuid: false,
    }
  }
  // `timestamp` alone is a column of that name and type.
  const type = name.toLowerCase() === 'timestamp' && (c.at(',') || c.at(')')) ? { name, arguments: [] } : c.typeName()
  let nullable: boolean | undefined
  let identity: ColumnSpec['identity']
  let collation: string | undefined
  let sparse = false
  let rowGuid = false
  for (;;) {
    const nullability = parseNullability(c)
    if (nullability !== undefined) nullable = nullability
    else if (c.accept('COLLATE')) collation = c.identifier()
    else if (c.accept('SPARSE')) sparse = true
    else if (c.accept('ROWGUIDCOL')) rowGuid = true
    else if (c.accept('IDENTITY')) {
      identity = { seed: 1n, increment: 1n }
      if (c.accept('(')) {
        const seed = integer(c)
        c.expect(',')
        identity = { seed, increment: integer(c) }
        c.expect(')')
      }
      if (c.accept('NOT', 'FOR', 'REPLICATION')) continue
    } else if (c.at('MASKED') || c.at('ENCRYPTED') || c.at('GENERATED') || c.at('HIDDEN') || c.at('FILESTREAM')) {
      throw notImplemented(`the column option ${c.token.upper}`)
    } else {
      const constraint = parseConstraint(c, name)
      if (constraint === undefined) break
      body.constraints.push(constraint)
      if (constraint.kind === 'primaryKey') nullable = false
    }
  }
  return { name, type, computed: undefined, nullable, identity, collation, sparse, rowGuid }
}

function columnConstraints(c: Cursor, column: string, body: MutableBody): void {
  for (let found = parseConstraint(c, column); found !== undefined; found = parseConstraint(c, column))
    body.constraints.push(found)
}

function integer(c: Cursor): bigint {
  const negative = c.accept('-')
  if (c.token.kind !== 'number' || !/^\d+$/.test(c.token.text)) throw c.syntaxError()
  const value = BigInt(c.next().text)
  return negative ? -value : value
}

export function parseDrop(c: Cursor): Statement {
  const line = c.line
  c.expect('DROP')
  if (c.accept('INDEX')) {
    const ifExists = c.accept('IF', 'EXISTS')
    const name = c.identifier()
    c.expect('ON')
    return { kind: 'dropIndex', line, ifExists, name, table: c.objectName() }
  }
  const word = c.acceptOne(['TABLE', 'SCHEMA', 'DATABASE', 'TYPE'])
  if (word === undefined) throw notImplemented(`DROP ${c.token.upper}`)
  const object = word === 'TABLE' ? 'table' : word === 'SCHEMA' ? 'schema' : word === 'DATABASE' ? 'database' : 'type'
  const ifExists = c.accept('IF', 'EXISTS')
  const names: ObjectName[] = [c.objectName()]
  while (c.accept(',')) names.push(c.objectName())
  return { kind: 'drop', line, object, ifExists, names }
}

export function parseAlter(c: Cursor): Statement {
  const line = c.line
  c.expect('ALTER')
  if (c.accept('DATABASE')) {
    const name = c.at('CURRENT') ? c.next().text : c.identifier()
    if (!c.accept('SET')) throw notImplemented(`ALTER DATABASE ... ${c.token.upper}`)
    const option = c.next().upper
    c.accept('=')
    const value = c.next().upper
    if (c.accept('WITH')) {
      if (!c.accept('NO_WAIT')) c.expect('ROLLBACK', 'IMMEDIATE')
    }
    return { kind: 'alterDatabase', line, name, option, value }
  }
  if (!c.accept('TABLE')) throw notImplemented(`ALTER ${c.token.upper}`)
  const name = c.objectName()
  return { kind: 'alterTable', line, name, action: parseAlterAction(c) }
}

function parseAlterAction(c: Cursor): AlterAction {
  if (c.at('WITH') && (c.peek(1).upper === 'CHECK' || c.peek(1).upper === 'NOCHECK')) {
    if (c.peek(1).upper === 'NOCHECK') throw notImplemented('ALTER TABLE ... WITH NOCHECK')
    c.position += 2
  }
  if (c.accept('ADD')) {
    const body: MutableBody = { columns: [], constraints: [], indexes: [] }
    do parseTableElement(c, body)
    while (c.accept(','))
    return { kind: 'add', body }
  }
  if (c.accept('DROP')) {
    const column = c.accept('COLUMN')
    if (!column) c.accept('CONSTRAINT')
    const ifExists = c.accept('IF', 'EXISTS')
    const names = [c.identifier()]
    while (c.accept(',')) names.push(c.identifier())
    return { kind: column ? 'dropColumn' : 'dropConstraint', names, ifExists }
  }
  if (c.accept('ALTER', 'COLUMN')) {
    const body: MutableBody = { columns: [], constraints: [], indexes: [] }
    return { kind: 'alterColumn', column: parseColumn(c, body) }
  }
  throw notImplemented(`ALTER TABLE ... ${c.token.upper}`)
}
