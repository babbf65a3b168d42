import type { FileIO } from '@icebridge/iceberg-core'
import type { ColumnMetaData, RowGroup, SchemaTree } from 'hyparquet'
import { IcebergIoError } from '../errors.ts'
import { readPages, type Page } from './pages.ts'

/** Chunks closer than this are fetched in one request. */
const gapBytes = 65_536
/** A request never grows beyond this by joining chunks. */
const mostJoinedBytes = 32 * 1024 * 1024

/** The column chunks of one row group that a read needs, in memory. */
export class LoadedRowGroup {
  readonly #file: string
  readonly #chunks: ReadonlyMap<string, { readonly meta: ColumnMetaData; readonly bytes: Uint8Array }>

  private constructor(
    file: string,
    chunks: ReadonlyMap<string, { readonly meta: ColumnMetaData; readonly bytes: Uint8Array }>,
  ) {
    this.#file = file
    this.#chunks = chunks
  }

  /** Fetches the chunks of the leaves with these paths (dotted). */
  static async load(
    source: { readonly io: FileIO; readonly path: string; readonly signal?: AbortSignal | undefined },
    group: RowGroup,
    leaves: ReadonlySet<string>,
  ): Promise<LoadedRowGroup> {
    const wanted = group.columns
      .flatMap(({ meta_data: meta, file_path: elsewhere }) => {
        if (meta === undefined || !leaves.has(meta.path_in_schema.join('.'))) return []
        if (elsewhere !== undefined && elsewhere !== '') {
          throw new IcebergIoError('unsupported-file', `${source.path} keeps a column in another file`, {
            context: { file: source.path },
          })
        }
        const dictionary = Number(meta.dictionary_page_offset ?? 0n)
        const data = Number(meta.data_page_offset)
        // Some writers set the dictionary's offset to 0 where there is none.
        const start = dictionary > 0 && dictionary < data ? dictionary : data
        return [{ meta, start, end: start + Number(meta.total_compressed_size) }]
      })
      .toSorted((a, b) => a.start - b.start)
    const chunks = new Map<string, { meta: ColumnMetaData; bytes: Uint8Array }>()
    const requests: (typeof wanted)[] = []
    for (const chunk of wanted) {
      const last = requests[requests.length - 1]
      const [head, tail] = [last?.[0], last?.[last.length - 1]]
      const joins =
        head !== undefined &&
        tail !== undefined &&
        chunk.start - tail.end <= gapBytes &&
        chunk.end - head.start <= mostJoinedBytes
      if (joins) last?.push(chunk)
      else requests.push([chunk])
    }
    await Promise.all(
      requests.map(async (request) => {
        const start = request[0]?.start ?? 0
        const end = request[request.length - 1]?.end ?? start
        const bytes = await source.io.read(source.path, { range: { start, end }, signal: source.signal })
        for (const chunk of request) {
          const own = bytes.subarray(chunk.start - start, chunk.end - start)
          chunks.set(chunk.meta.path_in_schema.join('.'), { meta: chunk.meta, bytes: own })
        }
      }),
    )
    return new LoadedRowGroup(source.path, chunks)
  }

  /** The pages of a leaf. */
  pages(path: readonly SchemaTree[]): Iterable<Page> {
    const name = path[path.length - 1]?.path.join('.') ?? ''
    const chunk = this.#chunks.get(name)
    if (chunk === undefined) {
      throw new IcebergIoError('malformed-file', `${this.#file}: a row group has no column ${name}`, {
        context: { file: this.#file, column: name },
      })
    }
    return readPages(chunk.bytes, { path, meta: chunk.meta }, this.#file)
  }
}
