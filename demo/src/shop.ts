/** The demo's source database: a small shop whose tables hold every ordinary type of SQL Server, nulls included. Pure text, the same on every run. */

/** The tables, parents first: children have foreign keys. */
export const shopTables: readonly { readonly schema: string; readonly name: string }[] = [
  { schema: 'sales', name: 'Customers' },
  { schema: 'sales', name: 'Orders' },
  { schema: 'sales', name: 'Order Lines' },
]

export const createShop: readonly string[] = [
  'CREATE SCHEMA [sales];',
  `CREATE TABLE [sales].[Customers] (
  [CustomerId] int NOT NULL CONSTRAINT [PK_Customers] PRIMARY KEY,
  [Name] nvarchar(100) NOT NULL,
  [Email] varchar(200) NULL,
  [PublicId] uniqueidentifier NOT NULL,
  [BirthDate] date NULL,
  [CreditLimit] money NULL,
  [IsActive] bit NOT NULL,
  [RowVersion] rowversion NOT NULL
);`,
  `CREATE TABLE [sales].[Orders] (
  [OrderId] bigint NOT NULL CONSTRAINT [PK_Orders] PRIMARY KEY,
  [CustomerId] int NOT NULL CONSTRAINT [FK_Orders_Customers] REFERENCES [sales].[Customers] ([CustomerId]),
  [Quantity] int NULL,
  [Total] decimal(38,10) NULL,
  [Freight] money NULL,
  [Note] nvarchar(200) NULL,
  [Signature] varbinary(64) NULL,
  [PlacedAt] datetime2(7) NULL,
  [DueDate] date NULL,
  [PickupTime] time(7) NULL,
  [Paid] bit NULL,
  [TrackingId] uniqueidentifier NULL,
  [Weight] float NULL,
  [RowVersion] rowversion NOT NULL
);`,
  `CREATE TABLE [sales].[Order Lines] (
  [OrderId] bigint NOT NULL CONSTRAINT [FK_Lines_Orders] REFERENCES [sales].[Orders] ([OrderId]),
  [LineNo] smallint NOT NULL,
  [Product] nvarchar(60) NOT NULL,
  [UnitPrice] decimal(18,4) NOT NULL,
  [Quantity] tinyint NOT NULL,
  [ShippedAt] datetimeoffset(7) NULL,
  [RowVersion] rowversion NOT NULL,
  CONSTRAINT [PK_Lines] PRIMARY KEY ([OrderId], [LineNo])
);`,
]

/** Statements that add customers numbered `from` up to and including `to`. */
export function insertCustomers(from: number, to: number): readonly string[] {
  return inserts(
    '[sales].[Customers] ([CustomerId], [Name], [Email], [PublicId], [BirthDate], [CreditLimit], [IsActive])',
    from,
    to,
    (id) => [
      `${id}`,
      text(`${pick(firstNames, id)} ${pick(lastNames, id * 7)}${id % 5 === 0 ? ' 🛒' : ''}`),
      id % 4 === 0 ? 'NULL' : `'customer${id}@example.com'`,
      `'${uuid(id)}'`,
      id % 6 === 0 ? 'NULL' : `'${1950 + (id % 50)}-${two(1 + (id % 12))}-${two(1 + (id % 28))}'`,
      id % 3 === 0 ? 'NULL' : `${id * 100}.${two(id % 100)}${two((id * 3) % 100)}`,
      id % 8 === 0 ? '0' : '1',
    ],
  )
}

/** Statements that add orders numbered `from` up to and including `to`, each belonging to one of `customers` customers. */
export function insertOrders(from: number, to: number, customers: number): readonly string[] {
  return inserts(
    '[sales].[Orders] ([OrderId], [CustomerId], [Quantity], [Total], [Freight], [Note], [Signature], [PlacedAt], [DueDate], [PickupTime], [Paid], [TrackingId], [Weight])',
    from,
    to,
    (id) => {
      // Column n is null in every (n + 5)th order, so every nullable column has nulls.
      const orNull = (n: number, value: string): string => (id % (n + 5) === 0 ? 'NULL' : value)
      return [
        `${9_007_199_254_740_993n + BigInt(id)}`,
        `${1 + (id % customers)}`,
        orNull(0, `${(id * 37) % 1000}`),
        orNull(
          1,
          `${id % 2 === 0 ? '-' : ''}${12345678901234567890123456n + BigInt(id)}.${String(id).padStart(10, '0')}`,
        ),
        orNull(2, `${333 + id}.34${two(id % 100)}`),
        orNull(3, text(`${pick(notes, id)} №${id}`)),
        orNull(4, `0x${id.toString(16).padStart(8, '0')}00FF`),
        orNull(
          5,
          `'2026-0${1 + (id % 9)}-1${id % 10}T${two(id % 24)}:${two(id % 60)}:59.${String((id * 7919) % 10_000_000).padStart(7, '0')}'`,
        ),
        orNull(6, `'${2026 + (id % 3)}-12-${two(1 + (id % 28))}'`),
        orNull(7, `'${two(id % 24)}:${two((id * 3) % 60)}:00.${String((id * 104729) % 10_000_000).padStart(7, '0')}'`),
        orNull(8, `${id % 2}`),
        orNull(9, `'${uuid(id * 31)}'`),
        orNull(10, `${id}.1e-${id % 5}`),
      ]
    },
  )
}

/** Statements that give every order numbered `from` to `to` two lines. */
export function insertLines(from: number, to: number): readonly string[] {
  return [1, 2].flatMap((line) =>
    inserts(
      '[sales].[Order Lines] ([OrderId], [LineNo], [Product], [UnitPrice], [Quantity], [ShippedAt])',
      from,
      to,
      (id) => [
        `${9_007_199_254_740_993n + BigInt(id)}`,
        `${line}`,
        text(pick(products, id + line)),
        `${(id % 90) + 9}.${String(id % 10_000).padStart(4, '0')}`,
        `${1 + (id % 200)}`,
        id % 3 === 0
          ? 'NULL'
          : `'2026-11-${two(1 + (id % 28))}T08:30:00.${String((id * 13) % 10_000_000).padStart(7, '0')} ${id % 2 === 0 ? '+05:30' : '-08:00'}'`,
      ],
    ),
  )
}

/** One statement that changes the orders numbered `from` up to and including `to`. */
export function updateOrders(from: number, to: number): string {
  return `UPDATE [sales].[Orders]
SET [Quantity] = COALESCE([Quantity], 0) + 1, [Note] = N'changed ✏️', [Total] = [Total] + 0.0000000001
WHERE [OrderId] BETWEEN ${9_007_199_254_740_993n + BigInt(from)} AND ${9_007_199_254_740_993n + BigInt(to)};`
}

const firstNames = ['Ada', 'Grace', 'Edsger', 'Barbara', 'Zoë', 'Łukasz', 'José', '美咲'] as const
const lastNames = ['Lovelace', 'Hopper', "O'Neil", 'Liskov', 'Ångström', 'Нові', 'García'] as const
const notes = [
  'leave at the door 🚪',
  'gift 🎁 wrap',
  '',
  'call before',
  'trailing space ',
  'naïve café',
  '👩‍👩‍👧 family pack',
] as const
const products = ['Skates', 'Ice axe', 'Rope 50 m', 'Käse 🧀', "Climber's tape", 'Map [north]'] as const

function inserts(into: string, from: number, to: number, row: (id: number) => readonly string[]): string[] {
  const statements: string[] = []
  // A table value constructor takes at most 1,000 rows.
  for (let start = from; start <= to; start += 500) {
    const ids = Array.from({ length: Math.min(500, to - start + 1) }, (_, index) => start + index)
    statements.push(`INSERT INTO ${into} VALUES\n${ids.map((id) => `(${row(id).join(', ')})`).join(',\n')};`)
  }
  return statements
}

function text(value: string): string {
  return `N'${value.replaceAll("'", "''")}'`
}

function pick<T>(values: readonly [T, ...T[]], index: number): T {
  return values[index % values.length] ?? values[0]
}

function two(value: number): string {
  return String(value).padStart(2, '0')
}

function uuid(seed: number): string {
  const hex = ((BigInt(seed) * 0x9e3779b97f4a7c15f39cc0605cedc835n) % (1n << 128n)).toString(16).padStart(32, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
