import { LocalFileIO } from '@icebridge/fileio'
import { openStaticTable } from '@icebridge/iceberg-catalog'
import { IcebergError, type TableHandle } from '@icebridge/iceberg-core'
import { IcebergIoError, IcebergReader } from '@icebridge/iceberg-io'
import { describe, expect, test } from 'vitest'
import { changedRows } from './changed-rows.ts'
import { exactRows, inOneOrder } from './exact-rows.ts'
import { allFixtures, describeRead, filterOf, type ExpectedRead, type Fixture } from './fixtures.ts'

/**
 * What is not read yet, by tables: each read of theirs gives either exactly the rows or one of these errors. Any other outcome
 * is a fault.
 */
const notReadYet: readonly { readonly tables: RegExp; readonly codes: readonly string[] }[] = [
  { tables: /-avro$|-orc$/, codes: ['unsupported-file'] },
  // Java Iceberg's own fault: its Avro does not hold to the schema beside it.
  { tables: /^java\/transform-identity-of-fixed$/, codes: ['malformed-manifest'] },
]

const fixtures = allFixtures()

describe('tables that other engines wrote', () => {
  test('are there', () => {
    expect(fixtures.map(({ name }) => name)).toContain('java/position-deletes')
    for (const { expected } of fixtures) expect(expected.reads).not.toEqual([])
  })

  test.each(fixtures)('$name has the rows that its engine reads, at every snapshot and ref', async (fixture) => {
    const table = await open(fixture)
    const codes = notReadYet.flatMap((known) => (known.tables.test(fixture.name) ? known.codes : []))
    const unread = new Set<string>()
    for (const read of fixture.expected.reads) {
      const what = `${fixture.name} ${describeRead(read)}`
      const found = await rowsOf(table, read).catch((error: unknown) => {
        const code = codeOf(error)
        if (code === undefined || !codes.includes(code)) throw new Error(`${what} cannot be read`, { cause: error })
        unread.add(code)
        return undefined
      })
      if (found !== undefined) expect({ what, rows: found }).toEqual({ what, rows: inOneOrder(read.rows) })
    }
    if (unread.size > 0) console.warn(`not read yet: ${fixture.name}: ${[...unread].join(', ')}`)
  })
})

async function open({ folder, expected }: Fixture): Promise<TableHandle> {
  const location = expected.metadata === undefined ? expected.location : `${expected.location}/${expected.metadata}`
  return await openStaticTable(location, new LocalFileIO(), {
    mapPath: (path) => path.replace(/^file:(\/\/)?/, '').replace(expected.location, folder),
  })
}

async function rowsOf(table: TableHandle, read: ExpectedRead): Promise<readonly string[]> {
  const reader = new IcebergReader(table)
  const { columns, appends, changes } = read
  const filter = filterOf(read)
  if (appends !== undefined) return await exactRows(reader.appends({ ...rangeOf(appends), columns, filter }))
  if (changes !== undefined) return await changedRows(table, rangeOf(changes))
  const snapshotId = read.snapshotId === undefined ? undefined : BigInt(read.snapshotId)
  return await exactRows(reader.scan({ snapshotId, ref: read.ref, columns, filter }))
}

function rangeOf([from, to]: readonly [string, string]) {
  return { fromExclusive: from === '' ? undefined : BigInt(from), toInclusive: BigInt(to) }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof IcebergError || error instanceof IcebergIoError ? error.code : undefined
}
