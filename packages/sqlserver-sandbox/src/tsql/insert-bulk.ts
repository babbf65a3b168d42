import { sqlError } from '../engine/errors.ts'
import type { Statement, StatementOf } from './ast.ts'
import type { Cursor } from './cursor.ts'

const bulkOptions = new Set([
  'KEEP_NULLS',
  'CHECK_CONSTRAINTS',
  'FIRE_TRIGGERS',
  'TABLOCK',
  'ORDER',
  'ROWS_PER_BATCH',
  'KILOBYTES_PER_BATCH',
])

/** INSERT BULK, which drivers send before the rows of a bulk load. */
export function parseInsertBulk(c: Cursor): Statement {
  const line = c.line
  c.expect('INSERT', 'BULK')
  const target = c.objectName()
  c.expect('(')
  const columns: StatementOf<'insertBulk'>['columns'][number][] = []
  do {
    const name = c.identifier()
    const type = c.typeName()
    columns.push({ name, type, collation: c.accept('COLLATE') ? c.identifier() : undefined })
  } while (c.accept(','))
  c.expect(')')
  const options: string[] = []
  const order: StatementOf<'insertBulk'>['order'][number][] = []
  if (c.accept('WITH')) {
    c.expect('(')
    do {
      const option = c.next()
      if (!bulkOptions.has(option.upper))
        throw sqlError(155, `'${option.text}' is not a recognized INSERT BULK option.`, { severity: 15, line })
      options.push(option.upper)
      if (option.upper === 'ORDER') {
        c.expect('(')
        do {
          order.push({ name: c.identifier(), descending: c.acceptOne(['ASC', 'DESC']) === 'DESC' })
        } while (c.accept(','))
        c.expect(')')
      } else if (c.accept('=')) c.next()
    } while (c.accept(','))
    c.expect(')')
  }
  return { kind: 'insertBulk', line, target, columns, options, order }
}
