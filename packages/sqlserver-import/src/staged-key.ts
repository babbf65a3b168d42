import { quoteName, quoteString } from '@icebridge/sqlserver'
import { familyOf } from './sql-type.ts'
import type { StageColumn } from './stage.ts'

/** The key of a staged row as text, for the message about it, in `key`: `id = 7, line = 2`. */
export function stagedKeyQuery(stage: string, columns: readonly StageColumn[], sequence: bigint): string {
  const parts = columns
    .filter(({ key }) => key)
    .map(({ name, source, type }) => {
      const family = familyOf(type)
      const style = family === 'binary' || family === 'clr' ? ', 1' : family === 'datetime' ? ', 121' : ''
      return `${quoteString(`${source} = `)} + CONVERT(nvarchar(200), ${quoteName(name)}${style})`
    })
  return `SELECT ${parts.join(` + N', ' + `)} AS [key] FROM ${stage} WHERE [seq] = CONVERT(bigint, '${sequence}');`
}
