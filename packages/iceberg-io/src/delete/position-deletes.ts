import type { DataFile, FileIO, FileScanTask } from '@icebridge/iceberg-core'
import { IcebergIoError } from '../errors.ts'
import { deserializePositions, serializePositions } from '../puffin/roaring.ts'
import type { MapPath } from '../read/data-rows.ts'
import { readPositionDeletes } from './position-delete-file.ts'
import { PositionSet } from './position-set.ts'
import { readDeletionVector } from './read-deletion-vector.ts'
import type { SpilledBytes, SpillFile } from './spill-file.ts'

export interface PositionDeletesOptions {
  readonly spill: SpillFile
  /** Bytes of positions in memory at which they go to the temporary file. */
  readonly memoryBytes: number
  readonly mapPath?: MapPath | undefined
  readonly signal?: AbortSignal | undefined
}

interface Found {
  readonly positions: PositionSet
  /** True for a set that is kept for other tasks, and so must stay as it is. */
  readonly isShared: boolean
}

/** Positions of one data file, in parts; each is in memory or spilled. */
type Parts = (PositionSet | SpilledBytes)[]

/**
 * The positions that position delete files and deletion vectors delete, for the data files of a scan. A delete file that
 * serves several data files is read once; what of it is in memory is bounded.
 */
export class PositionDeletes {
  readonly #io: FileIO
  readonly #options: PositionDeletesOptions
  /** By delete file, then by data file. */
  readonly #files = new Map<string, ReadonlyMap<string, Parts>>()
  #bytes = 0

  constructor(io: FileIO, options: PositionDeletesOptions) {
    this.#io = io
    this.#options = options
  }

  /** All positions that are deleted in the task's file; undefined when there are none. */
  async of(task: Pick<FileScanTask, 'file' | 'deletes'>): Promise<PositionSet | undefined> {
    const { signal } = this.#options
    let all: PositionSet | undefined
    for (const file of task.deletes) {
      if (file.content !== 'position-deletes') continue
      signal?.throwIfAborted()
      for await (const { positions, isShared } of this.#positions(file, task.file.filePath)) {
        if (all === undefined && !isShared) all = positions
        else {
          all ??= new PositionSet()
          all.addAll(positions)
        }
      }
    }
    return all?.isEmpty === true ? undefined : all
  }

  async *#positions(file: DataFile, dataFile: string): AsyncGenerator<Found, void, undefined> {
    const { mapPath, signal, spill } = this.#options
    if (file.fileFormat === 'puffin') {
      if (file.referencedDataFile !== dataFile) throw misplaced(file, dataFile)
      const positions = await readDeletionVector(this.#io, file, { path: mapPath?.(file.filePath), signal })
      yield { positions, isShared: false }
      return
    }
    if (file.referencedDataFile !== undefined) {
      // It serves this data file only: nothing is kept.
      for await (const found of readPositionDeletes(this.#io, file, { mapPath, signal })) {
        if (found.dataFile === dataFile) yield { positions: found.positions, isShared: false }
      }
      return
    }
    for (const part of (await this.#load(file)).get(dataFile) ?? []) {
      if (part instanceof PositionSet) yield { positions: part, isShared: true }
      else yield { positions: deserializePositions(await spill.read(part), damaged), isShared: false }
    }
  }

  async #load(file: DataFile): Promise<ReadonlyMap<string, Parts>> {
    const known = this.#files.get(file.filePath)
    if (known !== undefined) return known
    const loaded = new Map<string, Parts>()
    const { mapPath, signal } = this.#options
    for await (const { dataFile, positions } of readPositionDeletes(this.#io, file, { mapPath, signal })) {
      positions.compact()
      const parts = loaded.get(dataFile)
      if (parts === undefined) loaded.set(dataFile, [positions])
      else parts.push(positions)
      this.#bytes += positions.byteSize
      if (this.#bytes > this.#options.memoryBytes) await this.#spillAll([...this.#files.values(), loaded])
    }
    this.#files.set(file.filePath, loaded)
    return loaded
  }

  async #spillAll(files: readonly ReadonlyMap<string, Parts>[]): Promise<void> {
    for (const file of files) {
      for (const parts of file.values()) {
        for (const [index, part] of parts.entries()) {
          if (part instanceof PositionSet) parts[index] = await this.#options.spill.write(serializePositions(part))
        }
      }
    }
    this.#bytes = 0
  }
}

function misplaced(file: DataFile, dataFile: string): IcebergIoError {
  const of = file.referencedDataFile ?? 'no data file'
  return new IcebergIoError('malformed-file', `the deletion vector of ${of} is planned for ${dataFile}`, {
    context: { file: file.filePath, dataFile },
  })
}

function damaged(reason: string): IcebergIoError {
  return new IcebergIoError('malformed-file', `a temporary file has changed while in use: ${reason}`)
}
