/** A LIKE pattern as a regular expression of DuckDB. */
export function likeToRegex(pattern: string, escape: string | undefined): string {
  let out = ''
  const chars = Array.from(pattern)
  const literal = (c: string): string => (/[\\^$.|?*+()[\]{}]/.test(c) ? `\\${c}` : c)
  for (let i = 0; i < chars.length; i++) {
    const c = chars[i] ?? ''
    if (escape !== undefined && c === escape) out += literal(chars[++i] ?? '')
    else if (c === '%') out += '.*'
    else if (c === '_') out += '.'
    else if (c === '[') {
      const end = chars.indexOf(']', i + 1)
      if (end < 0) return '(?!)'
      const inner = chars.slice(i + 1, end).join('')
      const negated = inner.startsWith('^')
      out += `[${negated ? '^' : ''}${(negated ? inner.slice(1) : inner).replace(/[\\[\]^]/g, '\\$&')}]`
      i = end
    } else out += literal(c)
  }
  return out
}
