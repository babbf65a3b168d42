import { describe, expect, it } from 'vitest'
import {
  append,
  type DataFile,
  deleteFiles,
  eq,
  gteq,
  lt,
  overwrite,
  type PartitionSpec,
  replaceFiles,
  rowDelta,
  type SnapshotOutcome,
  type TableHandle,
  updateSchema,
} from '@icebridge/iceberg-core'
import { livePaths } from './entries.ts'
import { dataFile, Lake } from './lake.ts'
import { committed } from './outcome.ts'
import { deletionVector, equalityDeletes, positionDeletes } from './raw-snapshot.ts'

const byName: PartitionSpec = {
  specId: 0,
  fields: [{ sourceIds: [3], fieldId: 1000, name: 'name', transform: { kind: 'identity' } }],
}

/** A table with files x1, x2 (ids 1 and 2) and y (id 100), one partition a letter, and a second writer on it. */
class Race {
  readonly lake: Lake
  readonly before: TableHandle
  readonly files: readonly [DataFile, DataFile, DataFile]

  constructor(lake: Lake, before: TableHandle, files: readonly [DataFile, DataFile, DataFile]) {
    this.lake = lake
    this.before = before
    this.files = files
  }

  static async start(formatVersion: 2 | 3 = 2): Promise<Race> {
    const lake = await Lake.create({ formatVersion, partitionSpec: byName })
    const empty = await lake.table()
    const files = [
      dataFile(empty, 'x1', [{ id: 1n, name: 'x' }]),
      dataFile(empty, 'x2', [{ id: 2n, name: 'x' }]),
      dataFile(empty, 'y', [{ id: 100n, name: 'y' }]),
    ] as const
    return new Race(lake, await lake.append({ files }), files)
  }

  get options(): { readonly environment: Lake['environment'] } {
    return { environment: this.lake.environment }
  }

  file(path: string, row: Parameters<typeof dataFile>[2][number]): DataFile {
    return dataFile(this.before, path, [row])
  }

  /** Runs `theirs` after the commit is made ready and before the catalog looks at it, so that it must be tried again. */
  async between(theirs: (table: TableHandle) => Promise<SnapshotOutcome>): Promise<void> {
    const table = await this.lake.table()
    let raced = false
    this.lake.catalog.beforeCommit = async () => {
      if (raced) return
      raced = true
      committed(await theirs(table))
    }
    return Promise.resolve()
  }
}

type Change = (race: Race, table: TableHandle) => Promise<SnapshotOutcome>

/** What the other writer does. */
const theirs = {
  'append to x': async (race, table) =>
    await append(table, { files: [race.file('x3', { id: 3n, name: 'x' })] }, race.options),
  'append to y': async (race, table) =>
    await append(table, { files: [race.file('y2', { id: 101n, name: 'y' })] }, race.options),
  'remove x1': async (race, table) => await deleteFiles(table, { remove: [race.files[0]] }, race.options),
  'remove y': async (race, table) => await deleteFiles(table, { remove: [race.files[2]] }, race.options),
  'compact x1 and x2': async (race, table) =>
    await replaceFiles(
      table,
      { remove: race.files.slice(0, 2), add: [race.file('x12', { id: 1n, name: 'x' })] },
      race.options,
    ),
  'delete rows of x1': async (race, table) =>
    await rowDelta(
      table,
      {
        addDeletes: [
          table.loaded.metadata.formatVersion === 3
            ? deletionVector(race.files[0], 'theirs')
            : { ...positionDeletes(race.files[0], 'theirs'), referencedDataFile: 'x1' },
        ],
      },
      race.options,
    ),
  'delete rows of some file of x': async (race, table) =>
    await rowDelta(table, { addDeletes: [positionDeletes(race.files[0], 'theirs')] }, race.options),
  'delete keys in x': async (race, table) =>
    await rowDelta(table, { addDeletes: [equalityDeletes(table, 'theirs', [{ id: 1n, name: 'x' }])] }, race.options),
  'delete keys in y': async (race, table) =>
    await rowDelta(table, { addDeletes: [equalityDeletes(table, 'theirs', [{ id: 1n, name: 'y' }])] }, race.options),
} satisfies Record<string, Change>

type Theirs = keyof typeof theirs

const names = Object.keys(theirs) as Theirs[]

/** Races `mine` against every other change, and gives those that it was refused over. */
async function refusedOver(mine: Change, options: { readonly formatVersion?: 2 | 3 } = {}): Promise<Theirs[]> {
  const { formatVersion = 2 } = options
  const refused: Theirs[] = []
  for (const name of names) {
    // Version 3 takes no files of position deletes.
    if (formatVersion === 3 && name === 'delete rows of some file of x') continue
    const race = await Race.start(formatVersion)
    await race.between(async (table) => await theirs[name](race, table))
    const filesBefore = new Set(race.lake.metadataFiles())
    const outcome = await mine(race, race.before)
    if (outcome.status !== 'conflict') {
      committed(outcome)
      continue
    }
    refused.push(name)
    // The state is that of the other writer alone, with nothing of ours left behind.
    const alone = await Race.start(formatVersion)
    const other = committed(await theirs[name](alone, alone.before))
    expect(await livePaths(await race.lake.table())).toEqual(await livePaths(other.table))
    const left = race.lake.metadataFiles().filter((path) => !filesBefore.has(path))
    expect(left).toHaveLength(alone.lake.metadataFiles().length - filesBefore.size)
  }
  return refused
}

const rewriteX1: Change = async (race, table) =>
  await overwrite(table, { remove: [race.files[0]], add: [race.file('new', { id: 1n, name: 'x' })] }, race.options)

describe('an overwrite of read files', () => {
  it('is refused over anything that changes what was read, in serializable isolation', async () => {
    expect(await refusedOver(rewriteX1)).toEqual([
      'append to x',
      'append to y',
      'remove x1',
      'compact x1 and x2',
      'delete rows of x1',
      'delete rows of some file of x',
      'delete keys in x',
    ])
  })

  it('looks for new rows within the filter only', async () => {
    const mine: Change = async (race, table) =>
      await overwrite(
        table,
        {
          remove: [race.files[0]],
          add: [race.file('new', { id: 1n, name: 'x' })],
          validation: { filter: eq('name', 'x') },
        },
        race.options,
      )
    const refused = await refusedOver(mine)
    expect(refused).toContain('append to x')
    expect(refused).not.toContain('append to y')
  })

  it('lets others add rows in snapshot isolation, but not touch its files', async () => {
    const mine: Change = async (race, table) =>
      await overwrite(
        table,
        {
          remove: [race.files[0]],
          add: [race.file('new', { id: 1n, name: 'x' })],
          validation: { isolation: 'snapshot' },
        },
        race.options,
      )
    expect(await refusedOver(mine)).toEqual([
      'remove x1',
      'compact x1 and x2',
      'delete rows of x1',
      'delete rows of some file of x',
      'delete keys in x',
    ])
  })

  it('is refused over equality deletes of an unpartitioned spec', async () => {
    const race = await Race.start()
    await race.lake.catalog.commitTable(race.lake.identifier, {
      requirements: [],
      updates: [{ action: 'add-spec', spec: { specId: 1, fields: [] } }],
      base: race.before.loaded,
    })
    await race.between(async (table) => {
      const everywhere = { ...equalityDeletes(table, 'everywhere', [{ id: 1n }]), specId: 1, partition: [] }
      return await rowDelta(table, { addDeletes: [everywhere] }, race.options)
    })
    const outcome = await overwrite(
      race.before,
      { remove: [race.files[2]], validation: { isolation: 'snapshot' } },
      race.options,
    )
    expect(outcome).toMatchObject({
      status: 'conflict',
      reason: expect.stringContaining('added deletes for y') as string,
    })
  })
})

describe('an overwrite by filter', () => {
  const mine: Change = async (race, table) =>
    await overwrite(table, { where: eq('name', 'x'), add: [race.file('new', { id: 1n, name: 'x' })] }, race.options)

  it('is refused over changes to rows that pass it', async () => {
    expect(await refusedOver(mine)).toEqual([
      'append to x',
      'remove x1',
      'delete rows of x1',
      'delete rows of some file of x',
      'delete keys in x',
    ])
  })
})

describe('a deletion of files', () => {
  it('is refused over the removal of a file that it names', async () => {
    const mine: Change = async (race, table) => await deleteFiles(table, { remove: [race.files[0]] }, race.options)
    expect(await refusedOver(mine)).toEqual(['remove x1', 'compact x1 and x2'])
  })

  it('by filter is never refused, and takes what was added meanwhile', async () => {
    const mine: Change = async (race, table) => await deleteFiles(table, { where: eq('name', 'x') }, race.options)
    expect(await refusedOver(mine)).toEqual([])
    const race = await Race.start()
    await race.between(async (table) => await theirs['append to x'](race, table))
    expect(await livePaths(committed(await mine(race, race.before)).table)).toEqual(['y'])
  })
})

describe('a row delta', () => {
  const deletesOfX1 = (race: Race): DataFile =>
    race.before.loaded.metadata.formatVersion === 3
      ? deletionVector(race.files[0], 'mine')
      : { ...positionDeletes(race.files[0], 'mine'), referencedDataFile: 'x1' }
  const updateX1 =
    (isolation: 'serializable' | 'snapshot', filter = eq('name', 'x')): Change =>
    async (race, table) =>
      await rowDelta(
        table,
        {
          add: [race.file('new', { id: 1n, name: 'x' })],
          addDeletes: [deletesOfX1(race)],
          validation: { isolation, filter },
        },
        race.options,
      )

  it('that updates rows is refused over deletes of the same, and over all that was read when serializable', async () => {
    expect(await refusedOver(updateX1('serializable'))).toEqual([
      'append to x',
      'remove x1',
      'compact x1 and x2',
      'delete rows of x1',
      'delete rows of some file of x',
      'delete keys in x',
    ])
    expect(await refusedOver(updateX1('snapshot'))).toEqual([
      'remove x1',
      'compact x1 and x2',
      'delete rows of x1',
      'delete rows of some file of x',
      'delete keys in x',
    ])
  })

  it('that only deletes rows goes on top of other deletes', async () => {
    const mine: Change = async (race, table) =>
      await rowDelta(table, { addDeletes: [deletesOfX1(race)], validation: { isolation: 'snapshot' } }, race.options)
    expect(await refusedOver(mine)).toEqual(['remove x1', 'compact x1 and x2'])
  })

  it('is refused over another deletion vector for its data file', async () => {
    const mine: Change = async (race, table) =>
      await rowDelta(table, { addDeletes: [deletesOfX1(race)], validation: { isolation: 'snapshot' } }, race.options)
    expect(await refusedOver(mine, { formatVersion: 3 })).toEqual([
      'remove x1',
      'compact x1 and x2',
      'delete rows of x1',
    ])
  })

  it('needs to be told which data files its deletes are for when these do not say it', async () => {
    const mine =
      (referenced: boolean): Change =>
      async (race, table) =>
        await rowDelta(
          table,
          {
            addDeletes: [positionDeletes(race.files[0], 'mine')],
            referencedDataFiles: referenced ? race.files.slice(0, 2) : [],
            validation: { isolation: 'snapshot' },
          },
          race.options,
        )
    expect(await refusedOver(mine(true))).toEqual(['remove x1', 'compact x1 and x2'])
    expect(await refusedOver(mine(false))).toEqual([])
  })

  it('by key goes on top of everything in snapshot isolation', async () => {
    const mine: Change = async (race, table) =>
      await rowDelta(
        table,
        {
          add: [race.file('new', { id: 1n, name: 'x' })],
          addDeletes: [equalityDeletes(table, 'mine', [{ id: 1n, name: 'x' }])],
          validation: { isolation: 'snapshot' },
        },
        race.options,
      )
    expect(await refusedOver(mine)).toEqual([])
  })

  it('is refused over what its own data file was removed by, also when the removal only deleted', async () => {
    const race = await Race.start()
    committed(await theirs['remove x1'](race, race.before))
    // The stale handle knows nothing of it.
    const outcome = await rowDelta(race.before, { addDeletes: [deletesOfX1(race)] }, race.options)
    expect(outcome).toMatchObject({ status: 'conflict', reason: expect.stringContaining('removed x1') as string })
  })
})

describe('a replacement of files', () => {
  const compact =
    (options: { readonly dataSequenceNumber?: bigint } = {}): Change =>
    async (race, table) =>
      await replaceFiles(
        table,
        { remove: race.files.slice(0, 2), add: [race.file('x12', { id: 1n, name: 'x' })], ...options },
        race.options,
      )

  it('is refused over new deletes for its files, not over new rows', async () => {
    expect(await refusedOver(compact())).toEqual([
      'remove x1',
      'compact x1 and x2',
      'delete rows of x1',
      'delete rows of some file of x',
      'delete keys in x',
    ])
  })

  it('with the data sequence number of what it read goes on top of equality deletes', async () => {
    expect(await refusedOver(compact({ dataSequenceNumber: 1n }))).toEqual([
      'remove x1',
      'compact x1 and x2',
      'delete rows of x1',
      'delete rows of some file of x',
    ])
  })

  it('is refused over a new deletion vector', async () => {
    expect(await refusedOver(compact({ dataSequenceNumber: 1n }), { formatVersion: 3 })).toEqual([
      'remove x1',
      'compact x1 and x2',
      'delete rows of x1',
    ])
  })
})

describe('deletes that are left over', () => {
  it('are judged anew when another writer brings back rows that are old enough for them', async () => {
    const lake = await Lake.create()
    const options = { environment: lake.environment }
    const empty = await lake.table()
    const [a, b] = ['a', 'b'].map((path) => dataFile(empty, path, [{ id: 1n }]))
    const mine = { remove: [a!], add: [dataFile(empty, 'a2', [{ id: 1n }])], removeDeletes: [] as DataFile[] }
    let table = await lake.append({ files: [a!] })
    const own = { ...positionDeletes(a!, 'own'), referencedDataFile: 'a' }
    table = committed(
      await rowDelta(table, { addDeletes: [own, equalityDeletes(table, 'keys', [{ id: 7n }])] }, options),
    ).table
    table = await lake.append({ files: [b!] })
    let raced = false
    lake.catalog.beforeCommit = async () => {
      if (raced) return
      raced = true
      const b2 = dataFile(empty, 'b2', [{ id: 1n }])
      committed(await replaceFiles(table, { remove: [b!], add: [b2], dataSequenceNumber: 1n }, options))
    }
    const { table: after } = committed(await replaceFiles(table, mine, options))
    expect(raced).toBe(true)
    expect(await livePaths(after)).toEqual(['a2', 'b2', 'keys'])
  })
})

describe('the history that is held against', () => {
  it('begins at the snapshot that is named, not at the handle', async () => {
    const race = await Race.start()
    const fromSnapshotId = race.before.loaded.metadata.currentSnapshotId!
    const { table } = committed(await theirs['append to x'](race, race.before))
    const mine = { remove: [race.files[0]], validation: { fromSnapshotId } }
    expect(await overwrite(table, mine, race.options)).toMatchObject({
      status: 'conflict',
      reason: expect.stringContaining('added x3') as string,
    })
    committed(await overwrite(table, { remove: [race.files[0]] }, race.options))
  })

  it('must be there: an expired or rolled back one is a conflict', async () => {
    const race = await Race.start()
    const first = race.before.loaded.metadata.currentSnapshotId!
    committed(await theirs['append to x'](race, race.before))
    const second = await race.lake.table()
    committed(await theirs['append to y'](race, second))
    await race.lake.catalog.commitTable(race.lake.identifier, {
      requirements: [],
      updates: [{ action: 'remove-snapshots', snapshotIds: [second.loaded.metadata.currentSnapshotId!] }],
      base: second.loaded,
    })
    const mine = { remove: [race.files[0]], validation: { isolation: 'snapshot', fromSnapshotId: first } } as const
    expect(await overwrite(await race.lake.table(), mine, race.options)).toMatchObject({
      status: 'conflict',
      reason: expect.stringContaining('are not all there') as string,
    })
  })

  it('may have lost the snapshot that was read itself', async () => {
    const race = await Race.start()
    const first = race.before.loaded.metadata.currentSnapshotId!
    const { table } = committed(await theirs['append to y'](race, race.before))
    await race.lake.catalog.commitTable(race.lake.identifier, {
      requirements: [],
      updates: [{ action: 'remove-snapshots', snapshotIds: [first] }],
      base: table.loaded,
    })
    const mine = { remove: [race.files[0]], validation: { fromSnapshotId: first, filter: lt('id', 50n) } }
    committed(await overwrite(await race.lake.table(), mine, race.options))
    const strict = { remove: [race.files[1]], validation: { fromSnapshotId: first, filter: gteq('id', 50n) } }
    expect((await overwrite(await race.lake.table(), strict, race.options)).status).toBe('conflict')
  })

  it('is all of the table when it was empty', async () => {
    const lake = await Lake.create()
    const empty = await lake.table()
    await lake.append({ files: [dataFile(empty, 'theirs', [{ id: 1n }])] })
    const outcome = await rowDelta(
      empty,
      { add: [dataFile(empty, 'mine', [{ id: 1n }])], addDeletes: [equalityDeletes(empty, 'e', [{ id: 1n }])] },
      { environment: lake.environment },
    )
    expect(outcome).toMatchObject({ status: 'conflict', reason: expect.stringContaining('added theirs') as string })
  })

  it('is read once, however often the commit is tried', async () => {
    const race = await Race.start()
    const { before } = race
    committed(await theirs['append to y'](race, before))
    const manifests = race.lake.metadataFiles().filter((path) => path.includes('-m'))
    race.lake.io.calls.length = 0
    race.lake.catalog.faults.push('conflict', 'conflict')
    const mine = { remove: [race.files[0]], validation: { filter: eq('name', 'x') } }
    committed(await overwrite(before, mine, race.options))
    for (const path of manifests) {
      // Once for what it added, and where a file is looked for, twice to take it out.
      const most = path === manifests[0] ? 2 : 1
      expect(race.lake.io.calls.filter((call) => call === `read ${path}`).length).toBeLessThanOrEqual(most)
    }
  })
})

describe('a column that a filter names', () => {
  const changes = {
    'was renamed, and another one has its name': {
      renameColumns: [{ column: 'score', name: 'old' }],
      addColumns: [{ name: 'score', type: 'double' }],
    },
    'was dropped': { dropColumns: ['score'] },
    'was dropped, and made again': { dropColumns: ['score'], addColumns: [{ name: 'score', type: 'double' }] },
  } as const
  const filtered: Readonly<Record<string, Change>> = {
    'deleteFiles by filter': async (race, table) => await deleteFiles(table, { where: eq('score', 1) }, race.options),
    'overwrite by filter': async (race, table) => await overwrite(table, { where: eq('score', 1) }, race.options),
    'overwrite, rows read by filter': async (race, table) =>
      await overwrite(table, { remove: [race.files[0]], validation: { filter: eq('score', 1) } }, race.options),
    'rowDelta, rows read by filter': async (race, table) =>
      await rowDelta(
        table,
        { addDeletes: [positionDeletes(race.files[0], 'd')], validation: { filter: eq('score', 1) } },
        race.options,
      ),
  }

  it.each(Object.keys(filtered).flatMap((name) => Object.keys(changes).map((what) => [name, what] as const)))(
    '%s: %s meanwhile',
    async (name, what) => {
      const race = await Race.start()
      const schemaChange = changes[what as keyof typeof changes]
      const evolved = await updateSchema(race.before, schemaChange, race.options)
      expect(evolved.status).toBe('committed')
      const outcome = await filtered[name]!(race, race.before)
      expect(outcome).toMatchObject({ status: 'conflict', reason: expect.stringContaining('column score') })
      expect(await livePaths(await race.lake.table())).toEqual(['x1', 'x2', 'y'])
    },
  )

  it('may be moved, documented and have new neighbours', async () => {
    const race = await Race.start()
    const neighbours = { addColumns: [{ name: 'more', type: 'int' }], dropColumns: ['at'] } as const
    await updateSchema(race.before, neighbours, race.options)
    committed(await deleteFiles(race.before, { where: eq('name', 'y') }, race.options))
    expect(await livePaths(await race.lake.table())).toEqual(['x1', 'x2'])
  })
})
