import { currentSchema, typesEqual, type NestedField, type TableMetadata, type Type } from '@icebridge/iceberg-core'
import type { ColumnDefinition, SqlType, TableDefinition } from '@icebridge/sqlserver'
import type { RecordedColumns, RecordedField } from './columns-json.ts'
import type { JournalColumn, JournalRecord } from './journal-column.ts'
import { fieldsOf } from './plan.ts'

/** How a journal's columns changed. Names are the source's. */
export interface EvolutionChanges {
  /** Columns that the source gained. */
  readonly added: readonly string[]
  /** Columns whose type Iceberg widened in place. */
  readonly promoted: readonly string[]
  /** Columns whose type changed beyond that: the name is a new field's now, and the old field was renamed. */
  readonly replaced: readonly string[]
  /** Columns that the source lost; they stay in the journal. */
  readonly dropped: readonly string[]
  /**
   * Rows that are in the journal lack values that the source has: of a replaced column, or of an added one that was born with
   * values (NOT NULL, a default, computed), or that had been there before. SQL Server stamps no row for such a change, so only a reload brings them.
   */
  readonly needsReload: boolean
}

/** Changes to the schema, and what to record once field ids are known. */
export interface SchemaPlan {
  readonly changes: EvolutionChanges
  readonly schema: {
    readonly renameColumns: readonly { readonly column: string; readonly name: string }[]
    readonly updateTypes: readonly { readonly column: string; readonly type: Type }[]
    readonly documentColumns: readonly { readonly column: string; readonly doc: string }[]
    readonly addColumns: readonly { readonly name: string; readonly type: Type; readonly doc?: string }[]
  }
  recorded(idOf: (name: string) => number): RecordedColumns
}

type Companion = JournalColumn['companions'][number]

/** Compares the source's columns with the journal's. Pure. */
export function planEvolution(metadata: TableMetadata, record: JournalRecord, definition: TableDefinition): SchemaPlan {
  const fields = new Map(currentSchema(metadata).fields.map((field) => [field.id, field]))
  const present = new Map(record.columns.filter(({ retired }) => !retired).map((column) => [column.name, column]))
  const build = new Builder(record)
  for (const column of definition.columns) {
    const wanted = fieldsOf(column, record.recorded)
    const main = wanted[0]
    if (main === undefined) continue
    const old = present.get(column.name)
    present.delete(column.name)
    const field = old === undefined ? undefined : fields.get(old.fieldId)
    if (old === undefined || field === undefined) {
      // A dropped column may stand under the same name in other letters, which many engines cannot tell apart.
      for (const [name, other] of present) {
        if (name.toLowerCase() !== column.name.toLowerCase()) continue
        build.retire(other)
        present.delete(name)
      }
      build.add(column, wanted)
    } else if (familyOf(old.definition.type) === familyOf(column.type) && widens(field.type, main.field.type)) {
      build.keep(old, field, column, wanted)
    } else {
      build.retire(old)
      build.replace(column, wanted)
    }
  }
  for (const gone of present.values()) build.drop(gone)
  return build.done()
}

/** In place, or by what every format version promotes. @see https://iceberg.apache.org/spec/#schema-evolution */
function widens(from: Type, to: Type): boolean {
  if (typesEqual(from, to)) return true
  if (from === 'int') return to === 'long'
  if (from === 'float') return to === 'double'
  return (
    typeof from === 'object' &&
    typeof to === 'object' &&
    from.kind === 'decimal' &&
    to.kind === 'decimal' &&
    from.scale === to.scale &&
    from.precision < to.precision
  )
}

/** Types that share an Iceberg type but not the meaning of its values. */
function familyOf({ name }: SqlType): string {
  return apart.has(name) ? name : 'plain'
}

const apart: ReadonlySet<string> = new Set(['sql_variant', 'hierarchyid', 'geography', 'geometry', 'time'])

type Wanted = ReturnType<typeof fieldsOf>

class Builder {
  readonly #record: JournalRecord
  readonly #renames: { column: string; name: string }[] = []
  readonly #types: { column: string; type: Type }[] = []
  readonly #docs: { column: string; doc: string }[] = []
  readonly #adds: { name: string; type: Type; doc?: string }[] = []
  readonly #fields = new Map<number, RecordedField>()
  readonly #later: ((idOf: (name: string) => number) => readonly RecordedField[])[] = []
  readonly #added: string[] = []
  readonly #promoted: string[] = []
  readonly #replaced: string[] = []
  readonly #dropped: string[] = []
  #needsReload = false

  constructor(record: JournalRecord) {
    this.#record = record
    for (const field of record.recorded.fields) this.#fields.set(field.fieldId, field)
  }

  add(column: ColumnDefinition, wanted: Wanted): void {
    this.#added.push(column.name)
    if (!column.nullable || column.defaultExpression !== undefined || column.computed !== undefined)
      this.#needsReload = true
    this.#addFields(column, wanted)
  }

  replace(column: ColumnDefinition, wanted: Wanted): void {
    this.#replaced.push(column.name)
    this.#needsReload = true
    this.#addFields(column, wanted)
  }

  keep(old: JournalColumn, field: NestedField, column: ColumnDefinition, wanted: Wanted): void {
    if (old.dropped) {
      // It was born anew: the values that older rows have in the journal are of the one that was dropped.
      this.#added.push(column.name)
      this.#needsReload = true
    }
    for (const { read, field: want } of wanted) {
      if (read.role === 'value') {
        if (!typesEqual(field.type, want.type)) {
          this.#types.push({ column: field.name, type: want.type })
          this.#promoted.push(column.name)
        }
        if (want.doc !== undefined && field.doc !== want.doc) this.#docs.push({ column: field.name, doc: want.doc })
      } else if (!old.companions.some(({ role }) => role === read.role)) {
        const { role } = read
        this.#adds.push(newField(want))
        this.#later.push((idOf) => [{ fieldId: idOf(want.name), role, of: old.fieldId }])
      }
    }
    this.#fields.set(old.fieldId, { fieldId: old.fieldId, role: 'value', definition: column })
  }

  retire(old: JournalColumn): void {
    const rename = ({ name }: Pick<Companion, 'name'>): void => {
      this.#renames.push({ column: name, name: `_sync_retired_${old.fieldId}_${name.replace(/^_sync_/, '')}` })
    }
    rename(old)
    for (const companion of old.companions) rename(companion)
    this.#fields.set(old.fieldId, {
      fieldId: old.fieldId,
      role: 'value',
      definition: old.definition,
      ...(old.dropped ? { dropped: true } : {}),
      retired: true,
    })
  }

  drop(old: JournalColumn): void {
    if (old.dropped) return
    this.#dropped.push(old.name)
    this.#fields.set(old.fieldId, { fieldId: old.fieldId, role: 'value', definition: old.definition, dropped: true })
  }

  done(): SchemaPlan {
    const { timestamps, time } = this.#record.recorded
    return {
      changes: {
        added: this.#added,
        promoted: this.#promoted,
        replaced: this.#replaced,
        dropped: this.#dropped,
        needsReload: this.#needsReload,
      },
      schema: {
        renameColumns: this.#renames,
        updateTypes: this.#types,
        documentColumns: this.#docs,
        addColumns: this.#adds,
      },
      recorded: (idOf) => ({
        timestamps,
        time,
        fields: [...this.#fields.values(), ...this.#later.flatMap((field) => field(idOf))],
      }),
    }
  }

  #addFields(column: ColumnDefinition, wanted: Wanted): void {
    for (const { field } of wanted) this.#adds.push(newField(field))
    this.#later.push((idOf) =>
      wanted.map(({ read, field }) =>
        read.role === 'value'
          ? { fieldId: idOf(field.name), role: 'value', definition: column }
          : { fieldId: idOf(field.name), role: read.role, of: idOf(column.name) },
      ),
    )
  }
}

function newField(field: NestedField): { name: string; type: Type; doc?: string } {
  return { name: field.name, type: field.type, ...(field.doc === undefined ? {} : { doc: field.doc }) }
}
