import { quoteName } from '@icebridge/sqlserver'
import { stagedValue } from './byte-difference.ts'
import { parseCatalogExpression } from './catalog-expression.ts'
import type { CatalogExpression } from './catalog-expression.ts'
import { keysEqual } from './merge-strategy.ts'
import type { MergeContext } from './merge-strategy.ts'

/** A column of the target that may not be written. */
export interface TargetColumn {
  readonly name: string
  /** What the server gives it in a new row: the text of its default, null without one; undefined where it makes the value itself. */
  readonly fallback: string | null | undefined
}

/** The rows of the target that a unit writes, as they are after it: queries of the stage, which is `s`, and of the row with its key, `t`. */
export class UnitRows {
  readonly #context: MergeContext
  readonly #columns: readonly TargetColumn[]

  constructor(context: MergeContext, columns: readonly TargetColumn[]) {
    this.#context = context
    this.#columns = columns
  }

  /** The value of a column: the staged one, else the one in the target, else the default. Undefined where that cannot be told. */
  value(name: string): string | undefined {
    const { columns } = this.#context
    const written = columns.find(({ target }) => target === quoteName(name))
    if (written !== undefined) return stagedValue(written)
    // A row whose identity value changes comes back as a new one, with its defaults.
    if (columns.some(({ identity, key }) => identity && !key)) return undefined
    const fallback = this.#columns.find((column) => column.name === name)?.fallback
    if (fallback === undefined) return undefined
    const constant = fallback === null ? 'NULL' : constantOf(fallback)
    return constant === undefined ? undefined : `CASE WHEN ${this.isNew} THEN ${constant} ELSE t.${quoteName(name)} END`
  }

  /** A condition of the catalog on the row; undefined where a column of it cannot be told. */
  condition(expression: CatalogExpression): string | undefined {
    const values = new Map(expression.columns.map((name) => [name, this.value(name)]))
    if ([...values.values()].includes(undefined)) return undefined
    return expression.sql((name) => values.get(name) ?? 'NULL')
  }

  /** Whether the target has no row with the key. */
  get isNew(): string {
    return `t.${this.#context.columns.find(({ key }) => key)?.target ?? ''} IS NULL`
  }

  /** FROM and WHERE, to which conditions can be added with AND. */
  get from(): string {
    const { stage, target } = this.#context
    return [
      `FROM ${stage} AS s LEFT JOIN ${target} AS t ON ${keysEqual(this.#context)}`,
      `WHERE s.[op] <> 'delete'`,
    ].join('\n')
  }
}

/** A default that is a constant: any other may differ from row to row. */
function constantOf(text: string): string | undefined {
  const expression = parseCatalogExpression(text)
  return expression?.columns.length === 0 ? expression.sql(() => '') : undefined
}
