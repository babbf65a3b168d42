import { planImport } from '@icebridge/sqlserver-import'
import type { ImportColumn, ImportPlan } from '@icebridge/sqlserver-import'
import type { ColumnDefinition, SqlType } from '@icebridge/sqlserver'
import { describe, expect, test } from 'vitest'
import { column, primaryKey, table } from './definitions.ts'

const id = column('id', { name: 'int' })

function problemsOf(plan: ImportPlan): readonly string[] {
  return plan.problems.map((problem) => `${problem.code}${problem.column === undefined ? '' : ` ${problem.column}`}`)
}

function verdictOf(source: ColumnDefinition, target: ColumnDefinition): ImportColumn['verdict'] {
  const [, second] = planImport(table([id, source]), table([id, target])).columns
  if (second === undefined) throw new Error('the plan has no second column')
  return second.verdict
}

describe('whether a first load may go straight', () => {
  const straightOf = (into: readonly ColumnDefinition[], more: Parameters<typeof table>[1] = {}) =>
    planImport(table(into), table(into, more)).straight
  const reasonOf = (...given: Parameters<typeof straightOf>): string => {
    const verdict = straightOf(...given)
    return verdict.possible ? 'straight' : verdict.reason
  }

  test('is so for plain columns, identity and rowversion among them', () => {
    expect(straightOf([id, column('name', { name: 'nvarchar', length: 20 }, { nullable: true })])).toEqual({
      possible: true,
    })
    expect(reasonOf([column('id', { name: 'int' }, { identity: { seed: '1', increment: '1' } })])).toBe('straight')
    expect(planImport(table([id, column('rv', { name: 'rowversion' })]), undefined).straight.possible).toBe(true)
  })

  test('is not so for types whose values are made of the stage', () => {
    const made: readonly SqlType[] = [
      { name: 'sql_variant' },
      { name: 'xml' },
      { name: 'text' },
      { name: 'ntext' },
      { name: 'image' },
      { name: 'json' },
      { name: 'vector', length: 3 },
      { name: 'hierarchyid' },
      { name: 'geography' },
      { name: 'geometry' },
    ]
    expect(made.map((type) => [type.name, reasonOf([id, column('c', type, { nullable: true })])])).toEqual(
      made.map(({ name }) => [name, 'column-type']),
    )
  })

  test('is not so where values are to be looked at for a declared loss', () => {
    const source = table([id, column('name', { name: 'nvarchar', length: 20 })])
    const target = table([id, column('name', { name: 'nvarchar', length: 10 })])
    const plan = planImport(source, target, { allowLoss: ['name'] })
    expect(plan.problems).toEqual([])
    expect(plan.straight).toMatchObject({
      possible: false,
      reason: 'narrowed',
      message: expect.stringContaining('name'),
    })
  })

  test('is not so where INSERT does what INSERT BULK does not: triggers, history, defaults', () => {
    expect(reasonOf([id], { triggers: true })).toBe('triggers')
    expect(planImport(table([id]), table([id], { triggers: true }), { fireTriggers: true }).straight.possible).toBe(
      true,
    )
    expect(reasonOf([id], { temporal: true })).toBe('temporal')
    const made = column('made', { name: 'int' }, { nullable: true, defaultExpression: '((7))' })
    expect(planImport(table([id]), table([id, made])).straight).toMatchObject({ possible: false, reason: 'default' })
    expect(reasonOf([id, made])).toBe('straight')
  })
})

describe('the plan of an import', () => {
  test('finds a created target exact in every column', () => {
    const source = table([
      id,
      column('name', { name: 'nvarchar', length: 20 }, { nullable: true }),
      column('rv', { name: 'rowversion' }),
      column(
        'total',
        { name: 'decimal', precision: 38, scale: 10 },
        { computed: { expression: '([a]*(2))', persisted: false } },
      ),
    ])
    const plan = planImport(source, undefined, { target: { schema: 'copy', name: 'orders' } })
    expect(plan.problems).toEqual([])
    expect(plan.columns.map((each) => each.verdict)).toEqual(['exact', 'exact', 'exact', 'exact'])
    expect(plan.target).toEqual({ schema: 'copy', name: 'orders' })
    expect(plan.key).toEqual(['id'])
    expect(plan.columns[2]?.target?.type).toEqual({ name: 'binary', length: 8 })
  })

  test('gathers every problem at once', () => {
    const source = table([
      id,
      column('name', { name: 'nvarchar', length: 20 }, { nullable: true }),
      column('note', { name: 'nvarchar', length: 'max' }),
      column('price', { name: 'decimal', precision: 18, scale: 4 }),
      column('at', { name: 'datetime2', scale: 7 }),
    ])
    const target = table([
      id,
      column('name', { name: 'nvarchar', length: 10 }),
      column('price', { name: 'float' }),
      column('at', { name: 'datetime2', scale: 3 }),
      column('region', { name: 'int' }),
    ])
    expect(problemsOf(planImport(source, target))).toEqual([
      'not-null name',
      'narrower-column name',
      'missing-column note',
      'different-type price',
      'narrower-column at',
      'required-column region',
    ])
  })

  test('gives each problem a message and a remedy that name the type', () => {
    const plan = planImport(
      table([id, column('name', { name: 'nvarchar', length: 20 })]),
      table([id, column('name', { name: 'nvarchar', length: 10 })]),
    )
    expect(plan.problems).toEqual([
      {
        code: 'narrower-column',
        column: 'name',
        message: 'nvarchar(10) in the target would lose characters past 10',
        hint: 'Make the target column nvarchar(20), or name it in allowLoss.',
      },
    ])
  })

  test('takes declared losses and declared skips as notes', () => {
    const source = table([id, column('name', { name: 'nvarchar', length: 20 }), column('note', { name: 'int' })])
    const target = table([id, column('name', { name: 'nvarchar', length: 10 })])
    const plan = planImport(source, target, { allowLoss: ['name'], skipColumns: ['note'] })
    expect(plan.problems).toEqual([])
    expect(plan.notes.map((note) => note.code)).toEqual(['declared-loss', 'skipped-column'])
  })

  test('refuses to replace rows that others would be deleted with', () => {
    const columns = [id, column('row', { name: 'int' }, { identity: { seed: '1', increment: '1' } })]
    const target = table(columns, { foreignKeys: 1, cascadingForeignKeys: 1 })
    expect(problemsOf(planImport(table(columns), target))).toEqual(['identity-cascade row'])
    expect(problemsOf(planImport(table(columns), target, { skipColumns: ['row'] }))).toEqual([])
    expect(problemsOf(planImport(table(columns), table(columns, { foreignKeys: 1 })))).toEqual([])
  })

  test('refuses what does not fit a stage: more than 1,022 columns, or a row past 8,060 bytes', () => {
    const ints = (count: number) =>
      table([id, ...Array.from({ length: count - 1 }, (_, n) => column(`n${n}`, { name: 'int' }))])
    expect(problemsOf(planImport(ints(1022), ints(1022)))).toEqual([])
    expect(problemsOf(planImport(ints(1023), ints(1023)))).toEqual(['too-many-columns'])
    const wide = (length: number) => table([id, column('body', { name: 'char', length })])
    // 4 of a row's head, 8 + 4 + 8000 fixed, 3 of nulls, 4 of the varying column, 6 of its value: 8,025
    expect(problemsOf(planImport(wide(8000), wide(8000)))).toEqual([])
    const two = (length: number) =>
      table([id, column('a', { name: 'nchar', length: 4000 }), column('b', { name: 'char', length })])
    expect(problemsOf(planImport(two(31), two(31)))).toEqual([])
    expect(problemsOf(planImport(two(32), two(32)))).toEqual(['row-too-wide'])
  })

  test('lets no key column be narrower, not even when the loss is declared', () => {
    const source = table([column('id', { name: 'bigint' })])
    const plan = planImport(source, table([id]), { allowLoss: ['id'], skipColumns: ['id'] })
    expect(problemsOf(plan)).toEqual(['key-not-exact id'])
  })

  test('never writes computed, rowversion and generated columns of the target', () => {
    const source = table([
      id,
      column('total', { name: 'int' }, { computed: { expression: '([a]+[b])', persisted: true } }),
      column('rv', { name: 'rowversion' }),
      column('since', { name: 'datetime2', scale: 7 }),
    ])
    const target = table([
      id,
      column('total', { name: 'int' }, { computed: { expression: '([a]+[b])', persisted: true } }),
      column('rv', { name: 'rowversion' }),
      column('since', { name: 'datetime2', scale: 7 }, { generatedAlways: 'row-start' }),
    ])
    const plan = planImport(source, target)
    expect(plan.problems).toEqual([])
    expect(plan.columns.map((each) => (each.verdict === 'skipped' ? each.reason : each.verdict))).toEqual([
      'exact',
      'computed',
      'rowversion',
      'generated-always',
    ])
  })

  test('refuses a source without a key and a target without the same key', () => {
    const keyless = table([id], { keys: [] })
    expect(problemsOf(planImport(keyless, table([id])))).toEqual(['no-key'])
    expect(problemsOf(planImport(table([id]), keyless))).toEqual(['no-key'])
    const wider = table([id, column('line', { name: 'int' })], { keys: [primaryKey('id', 'line')] })
    const narrower = table([id, column('line', { name: 'int' })], { keys: [primaryKey('line')] })
    expect(problemsOf(planImport(wider, narrower))).toEqual(['no-matching-key'])
  })

  test('merges by a unique index of the target when its primary key is a column of its own', () => {
    const source = table([column('code', { name: 'nvarchar', length: 10 })])
    const target = table(
      [
        column('row', { name: 'int' }, { identity: { seed: '1', increment: '1' } }),
        column('code', { name: 'nvarchar', length: 10 }),
      ],
      { keys: [primaryKey('row'), { ...primaryKey('code'), name: 'ux', kind: 'unique-index', clustered: false }] },
    )
    const plan = planImport(source, target)
    expect(plan.problems).toEqual([])
    expect(plan.key).toEqual(['code'])
  })

  test('does not take a filtered unique index for a key', () => {
    const target = table([id], { keys: [{ ...primaryKey('id'), kind: 'unique-index', filtered: true }] })
    expect(problemsOf(planImport(table([id]), target))).toEqual(['no-key'])
  })

  test.each([
    ['Latin1_General_100_CS_AS', 'Latin1_General_100_CI_AS', ['key-collation code']],
    ['Latin1_General_100_CI_AS', 'Latin1_General_100_CI_AI', ['key-collation code']],
    ['Latin1_General_100_CI_AS', 'Latin1_General_100_BIN2', ['key-collation code']],
    ['Latin1_General_100_CI_AS', 'SQL_Latin1_General_CP1_CI_AS', []],
    ['Latin1_General_100_CI_AS', 'Latin1_General_100_CI_AS', []],
  ])('judges a key of %s in the source and %s in the target', (from, to, problems) => {
    const type: SqlType = { name: 'nvarchar', length: 10 }
    const plan = planImport(
      table([column('code', type, { collation: from })]),
      table([column('code', type, { collation: to })]),
    )
    expect(problemsOf(plan)).toEqual(problems)
  })

  test('refuses tables in which a merge would be blind or unlocked, and notes what else it meets', () => {
    const plan = planImport(
      table([id]),
      table([id], { rowFilter: true, memoryOptimized: true, triggers: true, temporal: true, foreignKeys: 1 }),
    )
    expect(problemsOf(plan)).toEqual(['row-filter', 'memory-optimized'])
    expect(plan.notes.map((note) => note.code)).toEqual(['triggers', 'temporal'])
    expect(plan.cutAnywhere).toBe(false)
  })

  test('finds a column whose name differs in letter case, unless two could be meant', () => {
    const source = table([id, column('Name', { name: 'int' })])
    const one = planImport(source, table([id, column('NAME', { name: 'int' })]))
    expect(one.columns[1]?.target?.name).toBe('NAME')
    const two = planImport(source, table([id, column('NAME', { name: 'int' }), column('name', { name: 'int' })]))
    expect(problemsOf(two)).toContain('missing-column Name')
  })
})

describe('the verdict on a column', () => {
  const bin2 = 'Latin1_General_BIN2'
  const utf8 = 'Latin1_General_100_CI_AS_SC_UTF8'
  const cyrillic = 'Cyrillic_General_CI_AS'
  const cases: readonly (readonly [SqlType, SqlType, ImportColumn['verdict'], string?, string?])[] = [
    [{ name: 'int' }, { name: 'bigint' }, 'exact'],
    [{ name: 'int' }, { name: 'smallint' }, 'narrowed'],
    [{ name: 'tinyint' }, { name: 'smallint' }, 'exact'],
    [{ name: 'int' }, { name: 'nvarchar', length: 20 }, 'refused'],
    [{ name: 'decimal', precision: 10, scale: 2 }, { name: 'numeric', precision: 12, scale: 4 }, 'exact'],
    [{ name: 'decimal', precision: 10, scale: 2 }, { name: 'decimal', precision: 10, scale: 4 }, 'narrowed'],
    [{ name: 'decimal', precision: 10, scale: 4 }, { name: 'decimal', precision: 12, scale: 2 }, 'narrowed'],
    [{ name: 'money' }, { name: 'decimal', precision: 19, scale: 4 }, 'exact'],
    [{ name: 'money' }, { name: 'money' }, 'exact'],
    [{ name: 'smallmoney' }, { name: 'money' }, 'exact'],
    [{ name: 'money' }, { name: 'smallmoney' }, 'narrowed'],
    [{ name: 'decimal', precision: 19, scale: 4 }, { name: 'money' }, 'narrowed'],
    [{ name: 'decimal', precision: 18, scale: 4 }, { name: 'money' }, 'exact'],
    [{ name: 'real' }, { name: 'float' }, 'exact'],
    [{ name: 'float' }, { name: 'real' }, 'narrowed'],
    [{ name: 'time', scale: 7 }, { name: 'time', scale: 6 }, 'narrowed'],
    [{ name: 'datetime' }, { name: 'datetime2', scale: 3 }, 'exact'],
    [{ name: 'datetime2', scale: 3 }, { name: 'datetime' }, 'narrowed'],
    [{ name: 'datetime' }, { name: 'smalldatetime' }, 'narrowed'],
    [{ name: 'smalldatetime' }, { name: 'datetime' }, 'exact'],
    [{ name: 'datetimeoffset', scale: 7 }, { name: 'datetimeoffset', scale: 7 }, 'exact'],
    [{ name: 'datetimeoffset', scale: 7 }, { name: 'datetime2', scale: 7 }, 'refused'],
    [{ name: 'nvarchar', length: 'max' }, { name: 'ntext' }, 'exact'],
    [{ name: 'nvarchar', length: 'max' }, { name: 'nvarchar', length: 4000 }, 'narrowed'],
    [{ name: 'varchar', length: 10 }, { name: 'nvarchar', length: 10 }, 'exact'],
    [{ name: 'varchar', length: 10 }, { name: 'char', length: 10 }, 'narrowed'],
    [{ name: 'char', length: 10 }, { name: 'char', length: 12 }, 'narrowed'],
    [{ name: 'nvarchar', length: 10 }, { name: 'varchar', length: 30 }, 'narrowed'],
    [{ name: 'nvarchar', length: 10 }, { name: 'varchar', length: 30 }, 'exact', bin2, utf8],
    [{ name: 'nvarchar', length: 10 }, { name: 'varchar', length: 29 }, 'narrowed', bin2, utf8],
    [{ name: 'varchar', length: 10 }, { name: 'varchar', length: 10 }, 'exact', bin2, 'SQL_Latin1_General_CP1_CI_AS'],
    [{ name: 'varchar', length: 10 }, { name: 'varchar', length: 10 }, 'narrowed', cyrillic, bin2],
    [{ name: 'varchar', length: 10 }, { name: 'varchar', length: 10 }, 'narrowed', utf8, bin2],
    [{ name: 'varbinary', length: 8 }, { name: 'binary', length: 8 }, 'narrowed'],
    [{ name: 'rowversion' }, { name: 'binary', length: 8 }, 'exact'],
    [{ name: 'rowversion' }, { name: 'varbinary', length: 10 }, 'exact'],
    [{ name: 'image' }, { name: 'varbinary', length: 'max' }, 'exact'],
    [{ name: 'geography' }, { name: 'geometry' }, 'refused'],
    [{ name: 'xml' }, { name: 'nvarchar', length: 'max' }, 'refused'],
    [{ name: 'sql_variant' }, { name: 'sql_variant' }, 'exact'],
    [{ name: 'sql_variant' }, { name: 'int' }, 'refused'],
  ]
  const named = cases.map(([from, to, verdict, fromCollation, toCollation]) => ({
    from,
    to,
    verdict,
    fromCollation,
    toCollation,
  }))
  test.each(named)('of $from into $to is $verdict', ({ from, to, verdict, fromCollation, toCollation }) => {
    const source = column('x', from, fromCollation === undefined ? {} : { collation: fromCollation })
    const target = column('x', to, toCollation === undefined ? {} : { collation: toCollation })
    expect(verdictOf(source, target)).toBe(verdict)
  })
})
