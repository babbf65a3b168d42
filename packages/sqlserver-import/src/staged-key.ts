import { quoteName, quoteString } from '@icebridge/sqlserver'
import { bigintLiteral } from './applied-position.ts'
import { familyOf } from './sql-type.ts'
import type { StageColumn } from './stage.ts'

/** The key of a staged row as text, for the message about it, in `key`: `id = 7, line = 2`. */
export function stagedKeyQuery(stage: string, columns: readonly StageColumn[], sequence: bigint): string {
  const key = keyText(columns, ({ name }) => quoteName(name))
  return `SELECT ${key} AS [key] FROM ${stage} WHERE [seq] = ${bigintLiteral(sequence)};`
}

/** The key of a row of the target, which is `t`, as text. */
export function targetKeyText(columns: readonly StageColumn[]): string {
  return keyText(columns, ({ target }) => `t.${quoteName(target.name)}`)
}

function keyText(columns: readonly StageColumn[], value: (column: StageColumn) => string): string {
  const parts = columns
    .filter(({ key }) => key)
    .map((column) => {
      const family = familyOf(column.type)
      const style = family === 'binary' || family === 'clr' ? ', 1' : family === 'datetime' ? ', 121' : ''
      return `${quoteString(`${column.source} = `)} + CONVERT(nvarchar(200), ${value(column)}${style})`
    })
  return parts.join(` + N', ' + `)
}
