import { IcebergError } from '../errors.ts'
import { currentSchema, defaultSpec, type TableMetadata } from '../metadata/table-metadata.ts'
import { findFieldByName } from '../schema/schema.ts'
import { type PartitionField, type PartitionSpec, sameSource } from './partition-spec.ts'
import { formatTransform, type Transform } from './transform.ts'

export interface AddPartitionField {
  /** Dotted path of the source column. */
  readonly column: string
  readonly transform: Transform
  /** By default the name it had in an earlier spec, or `column_bucket_16`, `at_day`, ... */
  readonly name?: string | undefined
}

/** Changes of a partition spec, applied in this order: remove, rename, add. Fields are named by their names in the default spec. */
export interface PartitionSpecChanges {
  readonly removeFields?: readonly string[] | undefined
  readonly renameFields?: readonly { readonly field: string; readonly name: string }[] | undefined
  readonly addFields?: readonly AddPartitionField[] | undefined
}

/**
 * The table's default spec after the changes, with a new spec id.
 *
 * A field that some spec had before gets its old id back. In version 1, where fields are known by their place, a
 * removed field becomes `void` and stays.
 *
 * @throws IcebergError `no-such-column` or `invalid-argument`.
 * @see https://iceberg.apache.org/spec/#partition-evolution
 */
export function evolvePartitionSpec(metadata: TableMetadata, changes: PartitionSpecChanges): PartitionSpec {
  const before = defaultSpec(metadata)
  const removed = new Set((changes.removeFields ?? []).map((name) => requireField(before, name).fieldId))
  const renamed = new Map<number, string>()
  for (const { field, name } of changes.renameFields ?? []) {
    const { fieldId } = requireField(before, field)
    if (removed.has(fieldId)) throw invalid(`partition field ${field} is both removed and renamed`, field)
    renamed.set(fieldId, name)
  }
  const added = changes.addFields ?? []
  let fields: PartitionField[] = before.fields.map((field) => ({
    ...field,
    name: renamed.get(field.fieldId) ?? field.name,
  }))
  const readded: number[] = []
  let lastPartitionId = metadata.lastPartitionId
  const fresh: PartitionField[] = []
  for (const { column, transform, name } of added) {
    const source = findFieldByName(currentSchema(metadata), column)
    if (source === undefined) {
      throw new IcebergError('no-such-column', `the schema has no column ${column} to partition by`, {
        context: { column },
      })
    }
    const wanted = { sourceIds: [source.id], transform }
    const active = fields.find((field) => sameSource(field, { ...field, ...wanted }))
    if (active !== undefined && removed.has(active.fieldId)) {
      // Removed and added in one change: it stays, under its new name.
      readded.push(active.fieldId)
      fields = fields.map((field) => (field === active ? { ...field, name: name ?? field.name } : field))
      continue
    }
    const twin = active ?? fresh.find((field) => sameSource(field, { ...field, ...wanted }))
    if (twin !== undefined) {
      throw invalid(`partition field ${twin.name} already is ${formatTransform(transform)} of ${column}`, twin.name)
    }
    const earlier = metadata.formatVersion === 1 ? undefined : earlierField(metadata, wanted, name)
    fresh.push(earlier ?? { ...wanted, fieldId: ++lastPartitionId, name: name ?? defaultName(column, transform) })
  }
  for (const fieldId of readded) removed.delete(fieldId)
  const kept = fields.flatMap((field) => {
    if (!removed.has(field.fieldId)) return [field]
    return metadata.formatVersion === 1 ? [voided(field)] : []
  })
  const freshNames = new Set(fresh.map((field) => field.name))
  const result = [
    // A void field gives its name up to a new one.
    ...kept.map((field) =>
      field.transform.kind === 'void' && freshNames.has(field.name)
        ? { ...field, name: `${field.name}_${field.fieldId}` }
        : field,
    ),
    ...fresh,
  ]
  const names = new Set<string>()
  for (const { name } of result) {
    if (name === '') throw invalid('a partition field has an empty name', name)
    if (names.has(name)) throw invalid(`partition field ${name} is there twice`, name)
    names.add(name)
  }
  return { specId: Math.max(...metadata.partitionSpecs.map((spec) => spec.specId)) + 1, fields: result }
}

/** The name of a field that is not given one, as other implementations choose it. */
function defaultName(column: string, transform: Transform): string {
  switch (transform.kind) {
    case 'identity':
      return column
    case 'bucket':
      return `${column}_bucket_${transform.buckets}`
    case 'truncate':
      return `${column}_trunc_${transform.width}`
    case 'void':
      return `${column}_null`
    case 'year':
    case 'month':
    case 'day':
    case 'hour':
      return `${column}_${transform.kind}`
    case 'unknown':
      return `${column}_${transform.text}`
  }
}

/** Newest spec first, so that the name it had last is the one it gets back. */
function earlierField(
  metadata: TableMetadata,
  wanted: Pick<PartitionField, 'sourceIds' | 'transform'>,
  name: string | undefined,
): PartitionField | undefined {
  for (const spec of metadata.partitionSpecs.toReversed()) {
    const found = spec.fields.find(
      (field) => sameSource(field, { ...field, ...wanted }) && (name === undefined || field.name === name),
    )
    if (found !== undefined) return found
  }
  return undefined
}

function voided(field: PartitionField): PartitionField {
  return { ...field, transform: { kind: 'void' } }
}

function requireField(spec: PartitionSpec, name: string): PartitionField {
  const field = spec.fields.find((candidate) => candidate.name === name)
  if (field !== undefined) return field
  throw new IcebergError('invalid-argument', `partition spec ${spec.specId} has no field ${name}`, {
    context: { field: name, specId: spec.specId },
    hint: `It has ${spec.fields.map((candidate) => candidate.name).join(', ') || 'none'}.`,
  })
}

function invalid(message: string, field: string): IcebergError {
  return new IcebergError('invalid-argument', message, { context: { field } })
}
