import { BLOB, type DuckDBConnection, DuckDBBlobValue, DuckDBScalarFunction, INTEGER, VARCHAR } from '@duckdb/node-api'
import { encodePage, throughPage } from '../code-pages.ts'

/**
 * Functions of the code pages that DuckDB has not: `page_text(text, page, limit, pad)` is text as the code page gives it back, cut to
 * `limit` bytes if that is not negative, and filled up to `pad`; `page_bytes(text, page)` has its bytes.
 */
export function registerPageFunctions(connection: DuckDBConnection): void {
  connection.registerScalarFunction(
    DuckDBScalarFunction.create({
      name: 'page_text',
      parameterTypes: [VARCHAR, INTEGER, INTEGER, INTEGER],
      returnType: VARCHAR,
      mainFunction: (_, chunk, output) => {
        for (let row = 0; row < chunk.rowCount; row += 1) {
          const [text, page, limit, pad] = [0, 1, 2, 3].map((column) => chunk.getColumnVector(column).getItem(row))
          const value =
            typeof text === 'string'
              ? throughPage(text, Number(page), { limit: Number(limit), pad: Number(pad) })
              : null
          output.setItem(row, value)
        }
        output.flush()
      },
    }),
  )
  connection.registerScalarFunction(
    DuckDBScalarFunction.create({
      name: 'page_bytes',
      parameterTypes: [VARCHAR, INTEGER],
      returnType: BLOB,
      mainFunction: (_, chunk, output) => {
        for (let row = 0; row < chunk.rowCount; row += 1) {
          const [text, page] = [0, 1].map((column) => chunk.getColumnVector(column).getItem(row))
          output.setItem(row, typeof text === 'string' ? new DuckDBBlobValue(encodePage(text, Number(page))) : null)
        }
        output.flush()
      },
    }),
  )
}
