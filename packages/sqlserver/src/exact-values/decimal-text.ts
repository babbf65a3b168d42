/**
 * The unscaled value of a plain decimal text at a scale: `-12.34` at scale 4 is -123400n. Undefined when the text is no decimal
 * number, or has digits other than zero past the scale: nothing is rounded.
 */
export function parseDecimal(text: string, scale: number): bigint | undefined {
  const match = /^([+-]?)(\d*)(?:\.(\d*))?$/.exec(text)
  if (match === null) return undefined
  const [, sign, whole = '', fraction = ''] = match
  if (whole === '' && fraction === '') return undefined
  if (/[^0]/.test(fraction.slice(scale))) return undefined
  const unscaled = BigInt(whole + fraction.slice(0, scale).padEnd(scale, '0') || '0')
  return sign === '-' ? -unscaled : unscaled
}

/** Plain notation with all digits of the scale: -123400n at scale 4 is `-12.3400`. */
export function formatDecimal(unscaled: bigint, scale: number): string {
  const negative = unscaled < 0n
  const digits = String(negative ? -unscaled : unscaled).padStart(scale + 1, '0')
  const at = digits.length - scale
  return `${negative ? '-' : ''}${digits.slice(0, at)}${scale === 0 ? '' : `.${digits.slice(at)}`}`
}
