import { decimal, decimals38, floats, integers, moneys } from './number-columns.ts'
import { dates, datetime2s, datetimeoffsets, times } from './temporal-columns.ts'
import { binaries, longTexts, shortTexts } from './text-columns.ts'
import { clrTypes, codePages, declared, jsons, utf8Texts, variants, vectors, xmls } from './other-columns.ts'
import type { TypeColumn, TypeTable } from './type-table.ts'

function table(
  name: string,
  columns: readonly TypeColumn[],
  more: Partial<Pick<TypeTable, 'needs' | 'before'>> = {},
): TypeTable {
  return { name, needs: [], before: [], columns, ...more }
}

/** Every type of the contract, related types side by side. */
export const typeTables: readonly TypeTable[] = [
  table('t_integers', integers),
  table(
    't_decimals',
    [
      [1, 0],
      [9, 4],
      [15, 5],
      [15, 15],
      [19, 4],
      [28, 7],
    ].map(([precision = 0, scale = 0]) => decimal(precision, scale)),
  ),
  table('t_numerics', [decimal(18, 2, 'numeric'), decimal(38, 20, 'numeric')]),
  table('t_decimals38', decimals38),
  table('t_moneys', moneys),
  table('t_floats', floats),
  table('t_dates', dates),
  table('t_times', times),
  table('t_datetime2s', datetime2s),
  table('t_datetimeoffsets', datetimeoffsets),
  table('t_short_texts', shortTexts),
  table('t_long_texts', longTexts),
  table('t_binaries', binaries),
  table('t_variants', variants, { needs: ['sql-variant'] }),
  table('t_xmls', xmls, { needs: ['xml'] }),
  table('t_declared', declared, { before: ['CREATE TYPE [dbo].[price] FROM decimal(19,4) NULL'] }),
  table('t_code_pages', codePages, { needs: ['code-pages'] }),
  table('t_utf8', utf8Texts, { needs: ['utf8'] }),
  table('t_clr', clrTypes, { needs: ['clr-types'] }),
  table('t_jsons', jsons, { needs: ['json'] }),
  table('t_vectors', vectors, { needs: ['vector'] }),
]
