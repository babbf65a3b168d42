/** Eight characters picked from a text, and sometimes a space after them. */
export function picked(palette: string, bytes: string): string {
  const letters = Array.from(
    { length: 8 },
    (_, index) =>
      `SUBSTRING(N'${palette}', 1 + CONVERT(int, SUBSTRING(${bytes}, ${1 + index}, 1)) % ${palette.length}, 1)`,
  )
  return `CONCAT(${letters.join(', ')}, CASE CONVERT(int, SUBSTRING(${bytes}, 9, 1)) % 5 WHEN 0 THEN N' ' ELSE N'' END)`
}
