import { bits, column, whole } from './type-column.ts'
import type { TypeColumn } from './type-table.ts'

const clock7 = `DATEADD(nanosecond, CONVERT(int, ${whole(2)} % 10000000) * 100, DATEADD(second, CONVERT(int, ${whole(1)} % 86400), CONVERT(time(7), '00:00:00')))`
/** From 0001-01-02 to 9999-12-30: no offset and no rounding leaves the calendar. */
const moment7 = `DATEADD(nanosecond, CONVERT(int, ${whole(2)} % 10000000) * 100, DATEADD(second, CONVERT(int, ${whole(1)} % 86400), DATEADD(day, CONVERT(int, ${whole(0)} % 3652057), CONVERT(datetime2(7), '0001-01-02'))))`
const scales = [0, 1, 2, 3, 4, 5, 6, 7] as const

/** `.9999999` cut to a scale. */
export function nines(scale: number): string {
  return scale === 0 ? '' : `.${'9'.repeat(scale)}`
}

function oneUnit(scale: number): string {
  return scale === 0 ? '' : `.${'0'.repeat(scale - 1)}1`
}

const momentText = (of: string): string => `CONVERT(nvarchar(27), CONVERT(datetime2(7), ${of}), 121)`

export const dates: readonly TypeColumn[] = [
  column(
    'date',
    'date',
    {
      edges: ["'0001-01-01'", "'9999-12-31'", "'1969-12-31'", "'1582-10-10'"],
      random: `DATEADD(day, CONVERT(int, ${whole(0)} % 3652059), CONVERT(date, '0001-01-01'))`,
    },
    bits((of) => `CONVERT(nvarchar(10), ${of}, 23)`),
  ),
  column(
    'datetime',
    'datetime',
    {
      edges: [
        "'1753-01-01T00:00:00.000'",
        "'9999-12-31T23:59:59.997'",
        "'2024-02-29T12:00:00.000'",
        "'2024-02-29T12:00:00.003'",
        "'2024-02-29T12:00:00.007'",
        "'1969-12-31T23:59:59.993'",
      ],
      random: `DATEADD(millisecond, CONVERT(int, ${whole(1)} % 86399000), DATEADD(day, CONVERT(int, ${whole(0)} % 3012153), CONVERT(datetime, '1753-01-01T00:00:00')))`,
    },
    bits((of) => `(CONVERT(nvarchar(23), ${of}, 121) + N'0000')`),
  ),
  column(
    'smalldatetime',
    'smalldatetime',
    {
      edges: ["'1900-01-01T00:00:00'", "'2079-06-06T23:59:00'"],
      random: `DATEADD(minute, CONVERT(int, ${whole(0)} % 94371839), CONVERT(smalldatetime, '1900-01-01T00:00:00'))`,
    },
    bits(momentText),
  ),
]

export const times: readonly TypeColumn[] = scales.map((scale) =>
  column(
    `time_${scale}`,
    `time(${scale})`,
    {
      edges: [`'00:00:00'`, `'23:59:59${nines(scale)}'`, `'00:00:00${oneUnit(scale)}'`, `'12:34:56${nines(scale)}'`],
      random: `CONVERT(time(${scale}), ${clock7})`,
    },
    bits((of) => `CONVERT(nvarchar(16), CONVERT(time(7), ${of}))`),
  ),
)

export const datetime2s: readonly TypeColumn[] = scales.map((scale) =>
  column(
    `datetime2_${scale}`,
    `datetime2(${scale})`,
    {
      edges: [
        `'0001-01-01T00:00:00'`,
        `'0001-01-01T00:00:00${oneUnit(scale)}'`,
        `'9999-12-31T23:59:59${nines(scale)}'`,
        `'1969-12-31T23:59:59${nines(scale)}'`,
      ],
      random: `CONVERT(datetime2(${scale}), ${moment7})`,
    },
    bits(momentText),
  ),
)

export const datetimeoffsets: readonly TypeColumn[] = scales.map((scale) =>
  column(
    `datetimeoffset_${scale}`,
    `datetimeoffset(${scale})`,
    {
      edges: [
        `'0001-01-01T14:00:00+14:00'`,
        `'9999-12-31T09:59:59${nines(scale)}-14:00'`,
        `'2024-03-01T01:30:00${oneUnit(scale)}+05:30'`,
        `'2024-03-01T01:30:00${nines(scale)}-00:30'`,
        `'1970-01-01T00:00:00+00:00'`,
      ],
      random: `CONVERT(datetimeoffset(${scale}), TODATETIMEOFFSET(${moment7}, CONVERT(int, ${whole(3)} % 1681) - 840))`,
    },
    bits(
      (of) =>
        `(CONVERT(nvarchar(27), CONVERT(datetime2(7), SWITCHOFFSET(${of}, 0)), 121) + N' ' + CONVERT(nvarchar(11), DATEPART(tzoffset, ${of})))`,
    ),
  ),
)
