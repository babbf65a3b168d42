import { sqlError } from '../engine/errors.ts'
import type { Expression } from './ast.ts'
import type { Cursor } from './cursor.ts'
import { parseAdditive } from './expressions.ts'

/** The filter of an index. */
export interface IndexFilter {
  /** As sys.indexes keeps it: `([a]=(1) AND [b] IS NOT NULL)`. */
  readonly text: string
  readonly comparisons: readonly {
    readonly column: string
    /** None for IS NULL and IS NOT NULL. */
    readonly constants: readonly Expression[]
  }[]
}

interface Conjunct {
  readonly text: string
  readonly comparisons: IndexFilter['comparisons']
}

/**
 * After WHERE. `refused` is thrown for what is no comparison of a column with constants.
 *
 * @see https://learn.microsoft.com/sql/t-sql/statements/create-index-transact-sql "filter_predicate"
 */
export function parseIndexFilter(c: Cursor, names: { readonly index: string; readonly table: string }): IndexFilter {
  const refused = (): Error =>
    sqlError(10735, `Incorrect WHERE clause for filtered index '${names.index}' on table '${names.table}'.`)
  const { text, comparisons } = parseConjuncts(c, refused)
  return { text: `(${text})`, comparisons }
}

function parseConjuncts(c: Cursor, refused: () => Error): Conjunct {
  const parts = [parseConjunct(c, refused)]
  while (c.accept('AND')) parts.push(parseConjunct(c, refused))
  if (c.at('OR')) throw c.syntaxError()
  return {
    text: parts.map(({ text }) => text).join(' AND '),
    comparisons: parts.flatMap(({ comparisons }) => comparisons),
  }
}

function parseConjunct(c: Cursor, refused: () => Error): Conjunct {
  if (c.accept('(')) {
    const inner = parseConjuncts(c, refused)
    c.expect(')')
    return inner
  }
  if (c.at('NOT') || c.at('EXISTS')) throw c.syntaxError()
  if (!c.atIdentifier()) throw refused()
  const column = c.identifier()
  const name = `[${column.replaceAll(']', ']]')}]`
  if (c.accept('IS')) {
    const negated = c.accept('NOT')
    c.expect('NULL')
    return { text: `${name} IS ${negated ? 'NOT ' : ''}NULL`, comparisons: [{ column, constants: [] }] }
  }
  if (c.accept('IN')) {
    c.expect('(')
    const list = [parseConstant(c, refused)]
    while (c.accept(',')) list.push(parseConstant(c, refused))
    c.expect(')')
    const texts = list.map(({ text }) => text)
    return {
      text: texts.length === 1 ? `${name}=${texts[0]}` : `${name} IN (${texts.join(', ')})`,
      comparisons: [{ column, constants: list.map(({ value }) => value) }],
    }
  }
  const operator = c.acceptOne(['=', '<>', '!=', '<=', '>=', '<', '>', '!<', '!>'])
  if (operator === undefined) {
    if (c.token.kind === 'operator') throw refused()
    throw c.syntaxError()
  }
  const normal = operator === '!=' ? '<>' : operator === '!<' ? '>=' : operator === '!>' ? '<=' : operator
  const { text, value } = parseConstant(c, refused)
  return { text: `${name}${normal}${text}`, comparisons: [{ column, constants: [value] }] }
}

function parseConstant(c: Cursor, refused: () => Error): { readonly text: string; readonly value: Expression } {
  const value = parseAdditive(c)
  return { text: constantText(value, refused), value }
}

/** A constant in the catalog: numbers stand in parentheses there. */
function constantText(value: Expression, refused: () => Error): string {
  if (value.kind === 'null') return 'NULL'
  if (value.kind === 'cast' && !value.attempt && value.style === undefined) {
    const { name, arguments: args } = value.type
    const type = `[${name}]${args.length === 0 ? '' : `(${args.join(',')})`}`
    return `CONVERT(${type},${constantText(value.operand, refused)})`
  }
  if (value.kind !== 'literal') throw refused()
  if (value.value instanceof Uint8Array) return `0x${Buffer.from(value.value).toString('hex').toUpperCase()}`
  if (typeof value.value === 'object') throw refused()
  const text = String(value.value)
  if (value.type.name === 'varchar') return `'${text.replaceAll("'", "''")}'`
  if (value.type.name === 'nvarchar') return `N'${text.replaceAll("'", "''")}'`
  return `(${text})`
}
