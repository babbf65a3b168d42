import { LocalFileIO } from '@icebridge/fileio'
import { openStaticTable } from '@icebridge/iceberg-catalog'
import { IcebergError, type TableHandle } from '@icebridge/iceberg-core'
import { IcebergIoError, IcebergReader } from '@icebridge/iceberg-io'
import { describe, expect, test } from 'vitest'
import { changedRows } from './changed-rows.ts'
import { exactRows, inOneOrder } from './exact-rows.ts'
import { allFixtures, describeRead, filterOf, type ExpectedRead, type Fixture } from './fixtures.ts'

/** Tables of which some reads are refused: with this error, which names the file at fault. All their other reads are exact. */
const refused: readonly { readonly tables: RegExp; readonly code: string; readonly message: RegExp }[] = [
  { tables: /-orc$/, code: 'unsupported-file', message: /\/data\/\S+\.orc .*orc/ },
  // Java Iceberg's own fault: its Avro does not hold to the schema beside it, and no other Avro reader takes it either.
  {
    tables: /^java\/transform-identity-of-fixed$/,
    code: 'malformed-manifest',
    message: /\/metadata\/\S+-m0\.avro at byte \d+/,
  },
]

const fixtures = allFixtures()

describe('tables that other engines wrote', () => {
  test('are there', () => {
    expect(fixtures.map(({ name }) => name)).toContain('java/position-deletes')
    for (const { expected } of fixtures) expect(expected.reads).not.toEqual([])
  })

  test.each(fixtures)('$name has the rows that its engine reads, at every snapshot and ref', async (fixture) => {
    const table = await open(fixture)
    const refusal = refused.find(({ tables }) => tables.test(fixture.name))
    let refusals = 0
    for (const read of fixture.expected.reads) {
      const what = `${fixture.name} ${describeRead(read)}`
      const found = await rowsOf(table, read).catch((error: unknown) => {
        if (!isRefusal(error, refusal)) throw new Error(`${what} cannot be read`, { cause: error })
        refusals++
        return undefined
      })
      if (found !== undefined) expect({ what, rows: found }).toEqual({ what, rows: inOneOrder(read.rows) })
    }
    expect(refusals > 0).toBe(refusal !== undefined)
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

function isRefusal(error: unknown, refusal: (typeof refused)[number] | undefined): boolean {
  const isOurs = error instanceof IcebergError || error instanceof IcebergIoError
  return isOurs && refusal !== undefined && error.code === refusal.code && refusal.message.test(error.message)
}
