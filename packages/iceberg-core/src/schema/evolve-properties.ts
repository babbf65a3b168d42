import type { TableUpdate } from '../metadata/table-update.ts'
import { nameMappingProperty, parseNameMapping, serializeNameMapping } from './name-mapping.ts'
import { evolveNameMapping } from './evolve-name-mapping.ts'
import { indexById, type Schema } from './schema.ts'

/** Properties whose names end in a column's path. @see https://iceberg.apache.org/docs/latest/configuration/#write-properties */
const columnProperties = [
  'write.metadata.metrics.column.',
  'write.parquet.bloom-filter-enabled.column.',
  'write.parquet.bloom-filter-fpp.column.',
  'write.parquet.bloom-filter-ndv.column.',
  'write.parquet.stats-enabled.column.',
]

/** The property updates that belong to a change of schema: the name mapping, and properties of renamed and dropped columns. */
export function evolvedProperties(
  properties: Readonly<Record<string, string>>,
  before: Schema,
  after: Schema,
): TableUpdate[] {
  const set: Record<string, string> = {}
  const removals: string[] = []
  const mapping = properties[nameMappingProperty]
  if (mapping !== undefined) {
    const evolved = serializeNameMapping(evolveNameMapping(parseNameMapping(mapping), before, after))
    if (evolved !== serializeNameMapping(parseNameMapping(mapping))) set[nameMappingProperty] = evolved
  }
  const newPaths = indexById(after)
  const oldIds = new Map([...indexById(before)].map(([id, { path }]) => [path, id]))
  for (const [name, value] of Object.entries(properties)) {
    const prefix = columnProperties.find((candidate) => name.startsWith(candidate))
    const id = prefix === undefined ? undefined : oldIds.get(name.slice(prefix.length))
    if (prefix === undefined || id === undefined) continue
    const path = newPaths.get(id)?.path
    if (path !== undefined && prefix + path === name) continue
    removals.push(name)
    if (path !== undefined) set[prefix + path] = value
  }
  const removed = removals.filter((name) => !Object.hasOwn(set, name))
  return [
    ...(Object.keys(set).length === 0 ? [] : [{ action: 'set-properties', updates: set } satisfies TableUpdate]),
    ...(removed.length === 0 ? [] : [{ action: 'remove-properties', removals: removed } satisfies TableUpdate]),
  ]
}
