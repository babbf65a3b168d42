import { formatSqlType, quoteName, quoteTable } from '@icebridge/sqlserver'
import type { ColumnDefinition, SqlType } from '@icebridge/sqlserver'
import { ImportError } from './errors.ts'
import type { ImportPlan } from './import-plan.ts'
import type { MergeColumn, MergeContext } from './merge-strategy.ts'
import { collateClause, familyOf, lengthOf } from './sql-type.ts'
import { wholeType } from './staged-narrowing.ts'
import type { StagedNarrowing } from './staged-narrowing.ts'
import type { StagedVariant } from './staged-variant.ts'
import type { PlannedColumn } from './target-shape.ts'

/** The stage's name: local to the connection that made it. */
export const stageTable = '#stage'

/** One column of the stage. */
export interface StageColumn {
  /** `c0`, `c1`, …: a source's own names could collide with the bookkeeping, and a companion's could pass 128 characters. */
  readonly name: string
  /** The source column that fills it. */
  readonly source: string
  /** The target column that its values are for. */
  readonly target: Pick<ColumnDefinition, 'name' | 'nullable'>
  /** Of the key by which rows are merged. */
  readonly key: boolean
  readonly type: SqlType
  /** The type in which values travel into the stage; the server converts where it is not the stage's own. */
  readonly wireType: SqlType
  readonly collation: string | undefined
  readonly nullable: boolean
  /** Only of sql_variant: what is loaded in its place. */
  readonly variant?: StagedVariant
  /** Only of a column whose values are looked at in the stage: what is loaded in its place. */
  readonly narrowing?: StagedNarrowing
}

/**
 * The stage's columns for a plan: the target's types, except where a type cannot be bulk loaded or converted implicitly.
 * @throws {ImportError} `plan` when the plan has problems.
 */
export function stageColumns(plan: ImportPlan): readonly StageColumn[] {
  refuseProblems(plan)
  return writtenColumns(plan).map(({ source, target, key, verdict }, index) => {
    const type = stagedType(target.type)
    const name = `c${index}`
    const collation = familyOf(target.type) === 'character' ? target.collation : undefined
    return {
      name,
      source: source.name,
      target: { name: target.name, nullable: target.nullable },
      key,
      type,
      wireType: wireType(source.type, type),
      collation,
      nullable: !key,
      ...(type.name === 'sql_variant' ? { variant: { name, text: `${name}t`, base: `${name}b` } } : {}),
      ...(verdict === 'narrowed'
        ? { narrowing: { name, type, collation, wide: `${name}w`, wideType: wholeType(source.type), declared: true } }
        : {}),
    }
  })
}

/** Pure: makes the stage on a connection of its own, in place of one that an earlier unit left. */
export function createStageBatch(columns: readonly StageColumn[]): string {
  const lines = columns.flatMap(({ name, type, collation, nullable, variant, narrowing }) =>
    variant === undefined
      ? [
          `${quoteName(name)} ${formatSqlType(type)}${collateClause(collation)} ${nullable ? 'NULL' : 'NOT NULL'}`,
          ...(narrowing === undefined ? [] : [wholeColumn(narrowing)]),
        ]
      : [
          `${quoteName(name)} sql_variant NULL`,
          `${quoteName(variant.text)} nvarchar(max) NULL`,
          `${quoteName(variant.base)} nvarchar(200) COLLATE Latin1_General_BIN2 NULL`,
        ],
  )
  return [
    `IF OBJECT_ID(N'tempdb..${stageTable}') IS NOT NULL DROP TABLE ${stageTable};`,
    `CREATE TABLE ${stageTable} (`,
    `  ${[...lines, '[seq] bigint NOT NULL', '[op] varchar(6) COLLATE Latin1_General_BIN2 NOT NULL'].join(',\n  ')}`,
    ');',
  ].join('\n')
}

function wholeColumn({ wide, wideType }: StagedNarrowing): string {
  const collation = familyOf(wideType) === 'character' ? ' COLLATE Latin1_General_BIN2' : ''
  return `${quoteName(wide)} ${formatSqlType(wideType)}${collation} NULL`
}

/** What a merge strategy needs to know of a plan. @throws {ImportError} `plan` when the plan has problems. */
export function mergeContext(plan: ImportPlan, options: { readonly tableLock: boolean }): MergeContext {
  refuseProblems(plan)
  return {
    target: quoteTable(plan.target),
    stage: stageTable,
    columns: writtenColumns(plan).map(({ target, key }, index): MergeColumn => ({
      target: quoteName(target.name),
      stage: quoteName(`c${index}`),
      type: target.type,
      collation: target.collation,
      nullable: target.nullable,
      key,
      identity: target.identity !== undefined,
    })),
    tableLock: options.tableLock,
  }
}

/** The target's columns that are written. */
export function plannedColumns(plan: ImportPlan): readonly PlannedColumn[] {
  return writtenColumns(plan).map(({ target }) => target)
}

function refuseProblems(plan: ImportPlan): void {
  if (plan.problems.length === 0) return
  const lines = plan.problems.map(
    (problem) => `${problem.column === undefined ? '' : `${problem.column}: `}${problem.message}`,
  )
  throw new ImportError(
    'plan',
    `${quoteTable(plan.target)} cannot be written:\n${lines.map((line) => `  - ${line}`).join('\n')}`,
    {
      hint: [...new Set(plan.problems.map((problem) => problem.hint))].join(' '),
      context: { target: quoteTable(plan.target), problems: plan.problems.length },
    },
  )
}

function writtenColumns(plan: ImportPlan) {
  return plan.columns.flatMap((column) => (column.verdict === 'exact' || column.verdict === 'narrowed' ? [column] : []))
}

/** The type that the stage has for a target's type. */
export function stagedType(type: SqlType): SqlType {
  switch (type.name) {
    case 'text':
      return { name: 'varchar', length: 'max' }
    case 'ntext':
    case 'xml':
    case 'json':
    case 'vector':
      return { name: 'nvarchar', length: 'max' }
    case 'image':
    case 'geography':
    case 'geometry':
      return { name: 'varbinary', length: 'max' }
    case 'hierarchyid':
      return { name: 'varbinary', length: 892 }
    default:
      return type
  }
}

/**
 * The type in which values travel. Numbers and times go in the source's own type, and the server widens or rounds them;
 * datetime goes as datetime2, whose digits the server takes as they are instead of counting in 1/300 s again. Character data
 * goes as Unicode, because the server's code page tables are the ones that count.
 */
function wireType(source: SqlType, staged: SqlType): SqlType {
  switch (familyOf(staged)) {
    case 'integer':
    case 'float':
    case 'decimal':
    case 'time':
    case 'datetimeoffset':
      return source
    case 'datetime':
      return staged.name === 'datetime2' && source.name !== 'datetime2' ? staged : source
    case 'character': {
      const length = lengthOf(staged)
      return { name: 'nvarchar', length: length <= 4000 ? length : 'max' }
    }
    default:
      return staged
  }
}
