import { errorNumber } from '../classify.ts'
import type { Row } from '../exact-values/row-values.ts'
import { quoteString } from '../quoting.ts'
import type { Sql } from '../sql.ts'
import type { CharacterCheck } from './column-writer.ts'

/** Runs a query on the connection that will load. */
export type RunQuery = (sql: Sql) => Promise<readonly Row[]>

/**
 * What the code pages of a server's collations hold, learned from the server. Its own tables are the ones that count: it puts a
 * question mark or a similar letter in the place of a character that a code page lacks, and says nothing; and it gives characters of its own
 * for bytes that other tables leave out.
 */
export class CodePages {
  /** Code pages by collation; 0 where nothing needs a check. */
  readonly #pages = new Map<string, number>()
  readonly #checks = new Map<number, CharacterCheck>()

  /** Tells whether text survives in the code page of a collation that was learned; undefined for UTF-8, which lacks nothing. */
  checkFor(collation: string): CharacterCheck | undefined {
    return this.#checks.get(this.#pages.get(collation) ?? 0)
  }

  /** Asks for the collations that are not known yet, and for the characters of their code pages: some 24,000 of the largest. */
  async learn(run: RunQuery, collations: readonly string[]): Promise<void> {
    const wanted = [...new Set(collations)].filter((name) => !isUtf8(name) && !this.#pages.has(name))
    if (wanted.length === 0) return
    const pages = await pagesOf(run, wanted)
    for (const [index, collation] of wanted.entries()) {
      const page = pages[index] ?? 0
      if (page !== 0 && !this.#checks.has(page)) this.#checks.set(page, await charactersOf(run, collation))
      this.#pages.set(collation, page)
    }
  }
}

function isUtf8(collation: string): boolean {
  return collation.toUpperCase().endsWith('_UTF8')
}

/** @see https://learn.microsoft.com/sql/t-sql/functions/collation-functions-collationproperty-transact-sql */
async function pagesOf(run: RunQuery, collations: readonly string[]): Promise<readonly number[]> {
  const list = collations.map(
    (name, index) => `CONVERT(int, COLLATIONPROPERTY(${quoteString(name)}, 'CodePage')) AS [c${index}]`,
  )
  try {
    const [row] = await run({ text: `SELECT ${list.join(', ')}` })
    return collations.map((_, index) => Number(row?.[`c${index}`] ?? 0))
  } catch (error) {
    // A server that does not know the function (error 195) has its own way with code pages; its values go unchecked.
    if (errorNumber(error) !== 195) throw error
    return collations.map(() => 0)
  }
}

/**
 * Every character past ASCII that comes back from the code page. All are in the basic plane: a surrogate pair is two code units that
 * the code page lacks.
 *
 * @see https://learn.microsoft.com/sql/t-sql/statements/collation-precedence-transact-sql COLLATE on the input is the output's code page
 */
async function charactersOf(run: RunQuery, collation: string): Promise<CharacterCheck> {
  if (!/^\w{1,128}$/.test(collation))
    throw new RangeError(`${JSON.stringify(collation)} is not the name of a collation`)
  const digits = '(VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9), (10), (11), (12), (13), (14), (15))'
  const rows = await run({
    text: [
      'SELECT c.[n] AS [n] FROM (',
      'SELECT a.[d] + 16 * b.[d] + 256 * e.[d] + 4096 * f.[d] AS [n]',
      `FROM ${digits} AS a([d]) CROSS JOIN ${digits} AS b([d]) CROSS JOIN ${digits} AS e([d]) CROSS JOIN ${digits} AS f([d])`,
      ') AS c WHERE c.[n] >= 128 AND (c.[n] < 55296 OR c.[n] > 57343)',
      `AND CONVERT(nvarchar(2), CONVERT(varchar(4), NCHAR(c.[n]) COLLATE ${collation})) COLLATE Latin1_General_BIN2`,
      '= NCHAR(c.[n]) COLLATE Latin1_General_BIN2',
    ].join('\n'),
  })
  const holds = new Uint8Array(0x1_0000)
  for (const { n } of rows) holds[Number(n)] = 1
  return (text) => {
    for (let index = 0; index < text.length; index += 1) {
      const code = text.charCodeAt(index)
      if (code >= 0x80 && holds[code] === 0) return false
    }
    return true
  }
}
