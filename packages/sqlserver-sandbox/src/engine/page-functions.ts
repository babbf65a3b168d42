import { BLOB, type DuckDBConnection, DuckDBBlobValue, DuckDBScalarFunction, INTEGER, VARCHAR } from '@duckdb/node-api'
import { encodePage, throughPage } from '../code-pages.ts'
import { textItem } from './reader.ts'

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
          const text = textItem(chunk.getColumnVector(0), row)
          const [page, limit, pad] = [1, 2, 3].map((column) => chunk.getColumnVector(column).getItem(row))
          const value =
            text === null ? null : throughPage(text, Number(page), { limit: Number(limit), pad: Number(pad) })
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
          const text = textItem(chunk.getColumnVector(0), row)
          const page = Number(chunk.getColumnVector(1).getItem(row))
          output.setItem(row, text === null ? null : new DuckDBBlobValue(encodePage(text, page)))
        }
        output.flush()
      },
    }),
  )
}
