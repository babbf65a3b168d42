import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { currentSchema, formatType } from '@icebridge/iceberg-core'
import { findJavaTables } from '../src/java-tables.ts'
import { findPython } from '../src/python.ts'
import { output } from '../src/run-process.ts'
import { root } from '../src/workspace.ts'
import type { ExpectedFilter } from './fixtures.ts'
import type { WrittenTable } from './written-tables.ts'

/** One read that every engine does. */
export interface TableRead {
  readonly snapshotId?: string
  readonly ref?: string
  /** The snapshot of the ref, for engines that know no refs. */
  readonly refSnapshotId?: string
  readonly columns?: readonly string[]
  readonly where?: readonly ExpectedFilter[]
}

/** What an engine found, or what it said. */
export type TableAnswer = { readonly rows: readonly unknown[] } | { readonly error: string }

/** Tables by name; as many answers as the table has reads. */
export type Answers = Readonly<Record<string, readonly TableAnswer[]>>

export interface TableRequest {
  readonly written: WrittenTable
  readonly reads: readonly TableRead[]
}

/** A reader of tables by their metadata files, outside of this repository. */
export interface TableEngine {
  readonly name: 'PyIceberg' | 'DuckDB' | 'ClickHouse' | 'Java Iceberg'
  readonly missing: string | undefined
  readonly ask: (requests: readonly TableRequest[]) => Promise<Answers>
}

export async function tableEngines(): Promise<readonly TableEngine[]> {
  const python = await findPython()
  const java = await findJavaTables()
  const script = (name: TableEngine['name'], file: string): TableEngine => ({
    name,
    missing: 'missing' in python ? python.missing : undefined,
    ask: async (requests) => {
      if ('missing' in python) throw new Error(python.missing)
      return await answers(requests, (request) => [python.path, join(root, 'checks/interop', file), request])
    },
  })
  return [
    script('PyIceberg', 'read_pyiceberg.py'),
    script('DuckDB', 'read_duckdb.py'),
    script('ClickHouse', 'read_clickhouse.py'),
    {
      name: 'Java Iceberg',
      missing: 'missing' in java ? java.missing : undefined,
      ask: async (requests) => {
        if ('missing' in java) throw new Error(java.missing)
        const program = ['java', '-cp', java.classpath, 'icebridge.fixtures.Main', 'read']
        return await answers(requests, (request) => [...program, request])
      },
    },
  ]
}

async function answers(
  requests: readonly TableRequest[],
  commandOf: (requestFile: string) => readonly string[],
): Promise<Answers> {
  const folder = await mkdtemp(join(tmpdir(), 'icebridge-request-'))
  try {
    const file = join(folder, 'request.json')
    await writeFile(file, JSON.stringify(requests.map(describe)))
    const [command, ...args] = commandOf(file)
    if (command === undefined) throw new TypeError('a command has a program')
    return JSON.parse(await output(command, args)) as Answers // as checks/interop/tables.py says
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function describe({ written: { name, table }, reads }: TableRequest) {
  const { metadata, metadataLocation } = table.loaded
  // Earlier schemas have columns that are gone; the current one says what a name means now.
  const fields = [...metadata.schemas, currentSchema(metadata)].flatMap((schema) => schema.fields)
  const types = fields.map((field) => [field.name, formatType(field.type)] as const)
  return {
    name,
    metadata: metadataLocation,
    location: metadata.location,
    types: Object.fromEntries(types),
    reads,
  }
}
