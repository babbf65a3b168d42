import type { TypeColumn } from './type-table.ts'

export const hex = (bytes: string): string => `CONVERT(nvarchar(max), ${bytes}, 2)`
export const utf16 = (text: string): string => hex(`CONVERT(varbinary(max), CONVERT(nvarchar(max), ${text}))`)
export const whole = (nth: 0 | 1 | 2 | 3): string => `[whole${nth}]`
export const byte = (nth: number): string => `CONVERT(int, SUBSTRING([bytes], ${1 + nth}, 1))`

export function column(
  name: string,
  declaration: string,
  values: { readonly edges: readonly string[]; readonly random?: string },
  compare: Pick<TypeColumn, 'exact' | 'text'>,
): TypeColumn {
  return { name, declaration, ...values, ...compare }
}

/** Types whose conversion to varbinary has each bit of them. */
export function bits(text: TypeColumn['text']): Pick<TypeColumn, 'exact' | 'text'> {
  return { exact: (of) => [`CONVERT(varbinary(max), ${of})`], text }
}

export const plainText = (of: string): string => `CONVERT(nvarchar(41), ${of})`
