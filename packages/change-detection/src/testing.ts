import assert from 'node:assert/strict'
import type { ColumnDefinition, ReadColumn, SqlValue, TableDefinition } from '@icebridge/sqlserver'
import type { ChangeDetectionStrategy } from './strategy.ts'

/** A strategy with a table that fits it and answers of the source. */
export interface StrategyFixture {
  readonly strategy: ChangeDetectionStrategy
  readonly table: TableDefinition
  /** At least three answers to the upper-bound query, in the order of time, each a later position than the one before. */
  readonly answers: readonly Readonly<Record<string, SqlValue>>[]
}

export interface ConformanceTest {
  readonly name: string
  readonly run: () => Promise<void>
}

/** What every strategy must do, as far as it shows without a server. */
export function changeDetectionConformance(fixture: StrategyFixture): readonly ConformanceTest[] {
  return Object.entries(behaviours).map(([name, behaviour]) => ({ name, run: async () => behaviour(fixture) }))
}

/** A table definition for tests: everything that is not given is plain and absent. */
export function sampleTable(
  columns: readonly (Partial<ColumnDefinition> & Pick<ColumnDefinition, 'name' | 'type'>)[],
): TableDefinition {
  return {
    table: { schema: 'dbo', name: 'orders' },
    objectId: 1,
    columns: columns.map((column, index) => ({
      ordinal: index + 1,
      nullable: false,
      rowversion: column.type.name === 'rowversion',
      masked: false,
      sparse: false,
      hidden: false,
      ...column,
    })),
    keys: [],
    foreignKeys: 0,
    secondaryUniqueIndexes: false,
    triggers: false,
    temporal: false,
    memoryOptimized: false,
    rowFilter: false,
    changeTracking: false,
    rowCount: 0n,
  }
}

/** A column to read, as text. */
export function sampleColumn(name: string): ReadColumn {
  return {
    name,
    role: 'value',
    expression: (alias) => `${alias}.[${name}]`,
    field: { name, type: { kind: 'string' }, nullable: true },
  }
}

const behaviours: Readonly<Record<string, (fixture: StrategyFixture) => void>> = {
  'finds no problem with a table that fits': ({ strategy, table }) => {
    assert.deepEqual(strategy.validate(table), [])
  },
  'names its problem with a table that lacks the column': ({ strategy, table }) => {
    const problems = strategy.validate({ ...table, columns: [] })
    assert.equal(problems.length, 1)
    assert.ok(problems.every((problem) => problem.message.includes(table.table.name) && problem.hint !== ''))
  },
  'orders watermarks as the source gave them': (fixture) => {
    const { strategy } = fixture
    const marks = watermarks(fixture)
    assert.ok(marks.length >= 3)
    for (const [i, a] of marks.entries()) {
      for (const [j, b] of marks.entries()) assert.equal(strategy.compare(a, b), Math.sign(i - j), `${a} and ${b}`)
    }
  },
  'says that a range is empty exactly when its ends meet or cross': (fixture) => {
    const { strategy } = fixture
    const [a = '', b = ''] = watermarks(fixture)
    assert.equal(strategy.isEmpty(undefined, a), false)
    assert.equal(strategy.isEmpty(a, b), false)
    assert.equal(strategy.isEmpty(a, a), true)
    assert.equal(strategy.isEmpty(b, a), true)
  },
  'gives the same bound again when the source stands still': (fixture) => {
    const { strategy, answers } = fixture
    for (const [index, mark] of watermarks(fixture).entries()) {
      assert.equal(strategy.upperBound(answers[index] ?? {}, mark), mark)
    }
  },
  'refuses a source that went back': (fixture) => {
    const { strategy, answers } = fixture
    const [first] = answers
    const last = watermarks(fixture).at(-1)
    assert.throws(() => strategy.upperBound(first ?? {}, last), { code: 'source-went-back' })
  },
  'refuses an answer without a bound and a watermark of another kind': (fixture) => {
    const { strategy, answers } = fixture
    assert.throws(() => strategy.upperBound({}, undefined), { code: 'invalid-bound' })
    assert.throws(() => strategy.upperBound(answers[0] ?? {}, 'not a watermark'), { code: 'invalid-watermark' })
  },
  'binds both ends as parameters and reads its own position last': (fixture) => {
    const { strategy, table } = fixture
    const [low = '', high = ''] = watermarks(fixture)
    const columns = [sampleColumn('id')]
    const query = strategy.changesQuery(table, { low, high }, columns)
    assert.deepEqual(
      query.columns.map((column) => column.name),
      ['id', '_sync_version'],
    )
    assert.deepEqual(
      query.parameters?.map((parameter) => parameter.name),
      ['low', 'high'],
    )
    assert.match(query.text, />= @low AND .* < @high$/)
    assert.ok(!query.text.includes(low) && !query.text.includes(high))
    const first = strategy.changesQuery(table, { low: undefined, high }, columns)
    assert.deepEqual(
      first.parameters?.map((parameter) => parameter.name),
      ['high'],
    )
    assert.ok(!first.text.includes('@low'))
  },
  'reads every row when both ends are open': ({ strategy, table }) => {
    const query = strategy.changesQuery(table, { low: undefined, high: undefined }, [sampleColumn('id')])
    assert.doesNotMatch(query.text, /WHERE/)
    assert.deepEqual(query.parameters, [])
  },
  'narrows what it reads to a range of rows, whose parameters come after its own': (fixture) => {
    const { strategy, table } = fixture
    const [high = ''] = watermarks(fixture)
    const rows = {
      predicate: (alias: string) => `${alias}.[id] > @after0`,
      parameters: [{ name: 'after0', type: { name: 'int' }, value: 7 }],
    } as const
    const query = strategy.changesQuery(table, { low: undefined, high, rows }, [sampleColumn('id')])
    assert.match(query.text, / < @high AND \[t\]\.\[id\] > @after0$/)
    assert.deepEqual(
      query.parameters?.map((parameter) => parameter.name),
      ['high', 'after0'],
    )
  },
}

function watermarks({ strategy, answers }: StrategyFixture): readonly string[] {
  return answers.map((answer) => strategy.upperBound(answer, undefined))
}
