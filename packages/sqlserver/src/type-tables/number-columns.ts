import { bits, byte, column, hex, plainText, whole } from './type-column.ts'
import type { TypeColumn } from './type-table.ts'

export const integers: readonly TypeColumn[] = [
  column('bit', 'bit', { edges: ['0', '1'], random: `CONVERT(bit, ${byte(0)} % 2)` }, bits(plainText)),
  column('tinyint', 'tinyint', { edges: ['0', '255'], random: `CONVERT(tinyint, ${byte(0)})` }, bits(plainText)),
  column(
    'smallint',
    'smallint',
    { edges: ['-32768', '32767', '-1'], random: 'CONVERT(smallint, SUBSTRING([bytes], 1, 2))' },
    bits(plainText),
  ),
  column(
    'int',
    'int',
    { edges: ['-2147483648', '2147483647', '-1'], random: 'CONVERT(int, SUBSTRING([bytes], 1, 4))' },
    bits(plainText),
  ),
  column(
    'bigint',
    'bigint',
    {
      edges: ['-9223372036854775808', '9223372036854775807', '9007199254740993', '-9007199254740993', '-1'],
      random: 'CONVERT(bigint, SUBSTRING([bytes], 1, 8))',
    },
    bits(plainText),
  ),
]

export function decimal(precision: number, scale: number, name: 'decimal' | 'numeric' = 'decimal'): TypeColumn {
  const type = `${name}(${precision},${scale})`
  const nines = '9'.repeat(precision)
  const at = precision - scale
  const most = `${nines.slice(0, at) || '0'}${scale === 0 ? '' : `.${nines.slice(at)}`}`
  const least = scale === 0 ? '1' : `0.${'0'.repeat(scale - 1)}1`
  const integral = at === 0 ? "'0'" : `SUBSTRING([digits], ${39 - precision}, ${at})`
  const fraction = scale === 0 ? '' : `, '.', RIGHT([digits], ${scale})`
  const sign = `CASE [i] / 2 % 2 WHEN 0 THEN '-' ELSE '' END`
  return column(
    `${name}_${precision}_${scale}`,
    type,
    {
      edges: [most, `-${most}`, least, `-${least}`, '0'].map((value) => `CONVERT(${type}, '${value}')`),
      random: `CONVERT(${type}, CONCAT(${sign}, ${integral}${fraction}))`,
    },
    bits(plainText),
  )
}

/**
 * Every scale. The columns of a row share its digits, each beginning at another one. Every fifth row has up to 38 of them, the others up to
 * 18: making a decimal of many digits takes the sandbox longest.
 */
export const decimals38: readonly TypeColumn[] = Array.from({ length: 39 }, (_, scale) => {
  const all = decimal(38, scale)
  const turned = `SUBSTRING(CONCAT([rowdigits], [rowdigits]), ${1 + scale}, 38)`
  const count = `1 + ([i] / 5 + ${scale}) % CASE [i] % 5 WHEN 0 THEN 38 ELSE 18 END`
  const digits = `RIGHT(CONCAT(REPLICATE('0', 38), LEFT(${turned}, ${count})), 38)`
  return { ...all, random: (all.random ?? '').replaceAll('[digits]', digits) }
})

export const moneys: readonly TypeColumn[] = [
  column(
    'money',
    'money',
    {
      edges: ['922337203685477.5807', '-922337203685477.5808', '333.34', '-0.0001', '0'].map(
        (value) => `CONVERT(money, '${value}')`,
      ),
      random: `CONVERT(money, CONCAT(CASE [i] % 2 WHEN 0 THEN '-' ELSE '' END, ${whole(0)} % 90000000000000, '.', RIGHT(CONCAT('000', ${whole(1)} % 10000), 4)))`,
    },
    bits((of) => plainText(`CONVERT(decimal(19,4), ${of})`)),
  ),
  column(
    'smallmoney',
    'smallmoney',
    {
      edges: ['214748.3647', '-214748.3648', '0.0001', '0'].map((value) => `CONVERT(smallmoney, '${value}')`),
      random: `CONVERT(smallmoney, CONCAT(CASE [i] % 2 WHEN 0 THEN '-' ELSE '' END, ${whole(0)} % 214748, '.', RIGHT(CONCAT('000', ${whole(1)} % 10000), 4)))`,
    },
    bits((of) => plainText(`CONVERT(decimal(10,4), ${of})`)),
  ),
]

export const floats: readonly TypeColumn[] = [
  column(
    'float',
    'float',
    {
      edges: [
        '1.7976931348623157E308',
        '-1.7976931348623157E308',
        '2.2250738585072014E-308',
        '0.1',
        '0E0',
        '-1E0 * 0E0',
        '9007199254740993E0',
      ],
      random: `CONVERT(float, CONVERT(bigint, SUBSTRING([bytes], 1, 8))) * POWER(CONVERT(float, 10), ${whole(1)} % 580 - 300)`,
    },
    {
      exact: (of) => [`CONVERT(varbinary(max), ${of})`],
      text: (of) => hex(`CONVERT(binary(8), ${of})`),
    },
  ),
  column(
    'real',
    'real',
    {
      edges: ['3.4028235E38', '-3.4028235E38', '1.1754944E-38', '0.1', '-1E0 * 0E0'].map(
        (value) => `CONVERT(real, ${value})`,
      ),
      random: `CONVERT(real, CONVERT(float, CONVERT(int, SUBSTRING([bytes], 1, 4))) * POWER(CONVERT(float, 10), ${whole(1)} % 60 - 35))`,
    },
    {
      exact: (of) => [`CONVERT(varbinary(max), ${of})`],
      text: (of) => hex(`CONVERT(binary(4), ${of})`),
    },
  ),
]
