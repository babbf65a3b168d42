import { codePageOf, isSingleByte } from '../code-pages.ts'
import type { Bound } from './bound.ts'
import { bound, keySql } from './bound.ts'
import { Binder } from './bind.ts'
import { parseExpressionText } from '../tsql/statements.ts'
import { type Column, columnById, displayName, type Index, type Table } from './catalog.ts'
import { sqlError } from './errors.ts'
import { pageBytes } from './binary.ts'
import { duckType, familyOf, isNarrow, lengthOf } from './types.ts'
import type { SessionState } from './state.ts'

/** Columns that a table keeps: computed ones are expressions. */
export function storedColumns(table: Table): Column[] {
  return table.columns.filter((c) => c.computed === undefined)
}

export function columnBound(column: Column, sql: string): Bound {
  return bound(sql, column.type, {
    name: column.name,
    nullable: column.nullable,
    collation: column.collation,
    identity: column.identity !== undefined,
  })
}

/** A table's columns relative to an alias; computed columns stand as their expressions. */
export function tableColumns(table: Table, alias: string, state: SessionState): Bound[] {
  const stored = storedColumns(table).map((c) => columnBound(c, `${alias}.c${c.id}`))
  return table.columns.map((column) => {
    if (column.computed === undefined) return columnBound(column, `${alias}.c${column.id}`)
    const binder = new Binder(state.queryContext(), {
      sources: [{ alias: '', schema: undefined, columns: stored }],
      parent: undefined,
    })
    const value = binder.value(parseExpressionText(column.computed.text))
    return { ...value, name: column.name, identity: false, computed: true }
  })
}

/**
 * A statement's rows stand in a staging table: `act` 1 insert, 2 update, 3 delete; `rid` the row they replace; `c<id>` the new
 * values. Everything is checked there before the first write, so a statement that fails has changed nothing. Without `constraints`
 * no CHECK and no foreign key is looked at, as in a bulk load that does not ask for it.
 */
export async function checkRows(
  state: SessionState,
  table: Table,
  stage: string,
  verb: string,
  options: { readonly constraints?: boolean } = {},
): Promise<void> {
  const tests: string[] = []
  const stored = storedColumns(table)
  for (const c of stored) {
    if (!c.nullable && c.type.name !== 'rowversion') tests.push(`count(*) FILTER (c${c.id} IS NULL)`)
    else tests.push('0')
    tests.push(tooLong(c) === undefined ? '0' : `count(*) FILTER (${tooLong(c)})`)
  }
  if (tests.some((t) => t !== '0')) {
    const [row = []] = await state.rows(`SELECT ${tests.join(', ')} FROM ${stage} WHERE act <> 3`)
    for (const [i, c] of stored.entries()) {
      if (BigInt(row[i * 2] as bigint) > 0n) {
        throw sqlError(
          515,
          `Cannot insert the value NULL into column '${c.name}', table '${table.database.name}.${displayName(table)}'; column does not allow nulls. ${verb} fails.`,
          { state: 2 },
        )
      }
      if (BigInt(row[i * 2 + 1] as bigint) > 0n) {
        const [[value] = []] = await state.rows(
          `SELECT CAST(c${c.id} AS VARCHAR) FROM ${stage} WHERE act <> 3 AND ${tooLong(c)} LIMIT 1`,
        )
        throw sqlError(
          2628,
          `String or binary data would be truncated in table '${table.database.name}.${displayName(table)}', column '${c.name}'. Truncated value: '${String(value).slice(0, Math.max(0, lengthOf(c.type)))}'.`,
        )
      }
    }
  }
  for (const index of table.indexes) if (index.unique) await checkUnique(state, table, index, stage)
  if (options.constraints === false) return
  for (const check of table.checks) {
    const columns = tableColumns(table, 'n', state)
    const predicate = new Binder(state.queryContext(), {
      sources: [{ alias: '', schema: undefined, columns }],
      parent: undefined,
    }).predicate(parseExpressionText(check.text))
    const [[bad] = []] = await state.rows(`SELECT count(*) FROM ${stage} AS n WHERE act <> 3 AND NOT ${predicate}`)
    if (BigInt(bad as bigint) > 0n) {
      const column = check.columnId === undefined ? '' : `, column '${columnById(table, check.columnId).name}'`
      throw sqlError(
        547,
        `The ${verb} statement conflicted with the CHECK constraint "${check.name}". The conflict occurred in database "${table.database.name}", table "${displayName(table)}"${column}.`,
        { state: 0 },
      )
    }
  }
  await checkForeignKeys(state, table, stage, verb)
}

function tooLong(column: Column): string | undefined {
  const length = lengthOf(column.type)
  if (length <= 0 || column.type.name === 'rowversion') return undefined
  if (isNarrow(column.type) && !isSingleByte(codePageOf(column.collation)))
    return `octet_length(${pageBytes(`c${column.id}`, column.collation)}) > ${length}`
  return familyOf(column.type) === 'binary'
    ? `octet_length(c${column.id}) > ${length}`
    : `text_units(c${column.id}) > ${length}`
}

function keysOf(table: Table, index: Index, alias: string): string[] {
  return index.columns.map((k) => {
    const column = columnById(table, k.id)
    return keySql(columnBound(column, `${alias}.c${column.id}`))
  })
}

async function checkUnique(state: SessionState, table: Table, index: Index, stage: string): Promise<void> {
  if (index.columns.some((k) => columnById(table, k.id).computed !== undefined)) return
  const filter = (alias: string): string => {
    if (index.filter === undefined) return 'TRUE'
    const columns = tableColumns(table, alias, state)
    return new Binder(state.queryContext(), {
      sources: [{ alias: '', schema: undefined, columns }],
      parent: undefined,
    }).predicate(parseExpressionText(index.filter))
  }
  const n = keysOf(table, index, 'n')
  const t = keysOf(table, index, 't')
  const names = n.map((k, i) => `${k} AS k${i}`).join(', ')
  const on = t
    .map(
      (k, i) => `${k} ${columnById(table, index.columns[i]?.id ?? 0).nullable ? 'IS NOT DISTINCT FROM' : '='} n.k${i}`,
    )
    .join(' AND ')
  const raw = index.columns.map((k) => `CAST(n.c${k.id} AS VARCHAR)`).join(" || ', ' || ")
  const inside = `SELECT any_value(${raw}) FROM ${stage} AS n WHERE act <> 3 AND ${filter('n')} GROUP BY ${n.join(', ')} HAVING count(*) > 1 LIMIT 1`
  const against = `SELECT n.shown FROM ${table.relation} AS t JOIN (SELECT ${names}, ${raw} AS shown FROM ${stage} AS n WHERE act <> 3 AND ${filter('n')}) AS n ON ${on} WHERE ${filter('t')} AND t.rowid NOT IN (SELECT rid FROM ${stage} WHERE act <> 1) LIMIT 1`
  for (const sql of [inside, against]) {
    const [found] = await state.rows(sql)
    if (found === undefined) continue
    // The query gives text.
    const value = (found[0] as string | null) ?? '<NULL>'
    if (index.kind === 'index') {
      throw sqlError(
        2601,
        `Cannot insert duplicate key row in object '${displayName(table)}' with unique index '${index.name}'. The duplicate key value is (${value}).`,
      )
    }
    const kind = index.kind === 'primaryKey' ? 'PRIMARY KEY' : 'UNIQUE KEY'
    throw sqlError(
      2627,
      `Violation of ${kind} constraint '${index.name}'. Cannot insert duplicate key in object '${displayName(table)}'. The duplicate key value is (${value}).`,
    )
  }
}

async function checkForeignKeys(state: SessionState, table: Table, stage: string, verb: string): Promise<void> {
  const key = (owner: Table, ids: readonly number[], alias: string): string[] =>
    ids.map((id) => keySql(columnBound(columnById(owner, id), `${alias}.c${id}`)))
  const left = (owner: Table): string =>
    owner === table ? ` AND p.rowid NOT IN (SELECT rid FROM ${stage} WHERE act <> 1)` : ''
  for (const fk of table.foreignKeys) {
    const parent = state.engine.catalog.tableById(fk.tableId)
    if (parent === undefined) continue
    const child = key(table, fk.columns, 'n')
    const match = (alias: string): string =>
      key(parent, fk.references, alias)
        .map((k, i) => `${k} = ${child[i]}`)
        .join(' AND ')
    const own =
      parent === table ? ` AND NOT EXISTS (SELECT 1 FROM ${stage} AS m WHERE m.act <> 3 AND ${match('m')})` : ''
    const sql = `SELECT 1 FROM ${stage} AS n WHERE act <> 3 AND ${child.map((k) => `${k} IS NOT NULL`).join(' AND ')} AND NOT EXISTS (SELECT 1 FROM ${parent.relation} AS p WHERE ${match('p')}${left(parent)})${own} LIMIT 1`
    if ((await state.rows(sql)).length > 0) {
      throw sqlError(
        547,
        `The ${verb} statement conflicted with the FOREIGN KEY constraint "${fk.name}". The conflict occurred in database "${parent.database.name}", table "${displayName(parent)}", column '${columnById(parent, fk.references[0] ?? 0).name}'.`,
        { state: 0 },
      )
    }
  }
  if (verb === 'INSERT') return
  for (const schema of table.database.schemas.values()) {
    for (const child of schema.tables.values()) {
      for (const fk of child.foreignKeys) {
        if (fk.tableId !== table.objectId) continue
        const old = key(table, fk.references, 'o')
        const now = key(table, fk.references, 'm')
        const referring = key(child, fk.columns, 'c')
        const gone = `SELECT o.* FROM ${table.relation} AS o WHERE o.rowid IN (SELECT rid FROM ${stage} WHERE act <> 1) AND NOT EXISTS (SELECT 1 FROM ${stage} AS m WHERE m.act <> 3 AND ${old.map((k, i) => `${k} = ${now[i]}`).join(' AND ')})`
        const survivors = child === table ? ` AND c.rowid NOT IN (SELECT rid FROM ${stage} WHERE act <> 1)` : ''
        const sql = `SELECT 1 FROM (${gone}) AS o JOIN ${child.relation} AS c ON ${old.map((k, i) => `${k} = ${referring[i]}`).join(' AND ')}${survivors} LIMIT 1`
        if ((await state.rows(sql)).length > 0) {
          throw sqlError(
            547,
            `The ${verb} statement conflicted with the REFERENCE constraint "${fk.name}". The conflict occurred in database "${child.database.name}", table "${displayName(child)}", column '${columnById(child, fk.columns[0] ?? 0).name}'.`,
            { state: 0 },
          )
        }
      }
    }
  }
}

/** Writes checked rows: deletes, updates, then inserts. */
export async function applyRows(
  state: SessionState,
  table: Table,
  stage: string,
  actions: ReadonlySet<1 | 2 | 3>,
): Promise<void> {
  const ids = storedColumns(table).map((c) => `c${c.id}`)
  if (actions.has(3))
    await state.run(`DELETE FROM ${table.relation} WHERE rowid IN (SELECT rid FROM ${stage} WHERE act = 3)`)
  if (actions.has(2)) {
    await clearZeros(state, table, stage)
    await state.run(
      `UPDATE ${table.relation} AS t SET ${ids.map((c) => `${c} = n.${c}`).join(', ')} FROM (SELECT * FROM ${stage} WHERE act = 2) AS n WHERE t.rowid = n.rid`,
    )
  }
  if (actions.has(1))
    await state.run(
      `INSERT INTO ${table.relation} (${ids.join(', ')}) SELECT ${ids.join(', ')} FROM ${stage} WHERE act = 1`,
    )
}

/** DuckDB's UPDATE leaves a value alone that equals the new one, and takes 0 and -0 for equal; by way of 1 it writes them. */
async function clearZeros(state: SessionState, table: Table, stage: string): Promise<void> {
  const floating = storedColumns(table).filter((c) => c.type.name === 'float' || c.type.name === 'real')
  if (floating.length === 0) return
  const differs = ({ id }: Column): string =>
    `(n.c${id} = 0 AND coalesce(t.c${id}, 0) = 0 AND CAST(t.c${id} AS VARCHAR) IS DISTINCT FROM CAST(n.c${id} AS VARCHAR))`
  const rows = `SELECT n.rid FROM ${stage} AS n JOIN ${table.relation} AS t ON t.rowid = n.rid WHERE n.act = 2 AND (${floating.map(differs).join(' OR ')})`
  const ones = floating.map((c) => `c${c.id} = 1`).join(', ')
  await state.run(`UPDATE ${table.relation} SET ${ones} WHERE rowid IN (${rows})`)
}

/** CREATE TABLE of the relation in DuckDB. */
export function relationDdl(table: Table): string {
  const columns = storedColumns(table).map((c) => `c${c.id} ${duckType(c.type)}`)
  return `CREATE ${table.temporary ? 'TEMP ' : ''}TABLE ${table.relation.split('.')[1] ?? ''} (${columns.join(', ')})`
}
