import { IcebergError } from '../errors.ts'
import { locationKey, locationTexts } from './location-key.ts'

/** Decides whether a listed file is one that metadata names, and which listed files are nobody's business. */
export class OrphanRules {
  /** What the names below are relative to, with a slash at its end. */
  readonly #root: string
  readonly #mismatch: 'error' | 'keep' | 'delete'
  readonly #isTemporary: (path: string) => boolean

  constructor(
    root: string,
    options: {
      readonly mismatch: 'error' | 'keep' | 'delete'
      readonly isTemporary: ((path: string) => boolean) | undefined
    },
  ) {
    this.#root = root
    this.#mismatch = options.mismatch
    this.#isTemporary = options.isTemporary ?? (() => false)
  }

  /** False for names that begin with a dot or an underscore, as tools name what they hide; a partition folder may. */
  isVisible(path: string): boolean {
    const segments = this.#relative(path).split('/')
    const isHidden = (name: string): boolean => name.startsWith('.') || (name.startsWith('_') && !name.includes('='))
    return segments.at(-1) !== 'version-hint.text' && (!segments.some(isHidden) || this.#isTemporary(path))
  }

  /** What a listed file is looked up by: its path below the root, so that it is found under another root as well. */
  textsOf(path: string): readonly string[] {
    return [this.#relative(path)]
  }

  /** What a file that metadata names may be listed under. */
  *textsOfNamed(location: string): Generator<string, void, undefined> {
    for (const text of locationTexts(location)) {
      for (let at = text.indexOf('/'); at >= 0; at = text.indexOf('/', at + 1)) yield text.slice(at + 1)
    }
  }

  /**
   * True when the listed file is the named one, or has to be taken for it.
   *
   * @throws IcebergError `conflict` for a file at the same place below another root.
   */
  isSame(listed: string, named: string): boolean {
    const texts = locationTexts(named)
    const own = locationTexts(listed)
    if (own.some((text) => texts.includes(text))) return true
    const [root = ''] = locationTexts(this.#root)
    // Another file of this table's own folder that happens to end alike.
    if (texts.some((text) => text.startsWith(root))) return false
    if (this.#mismatch !== 'error') return this.#mismatch === 'keep'
    throw new IcebergError(
      'conflict',
      `${listed} may be ${named}, which the table uses: they differ in what they begin with`,
      {
        context: { listed, named, root: this.#root },
        hint: 'If both name one file, look for orphans under the location as metadata spells it, or keep such files (prefixMismatch).',
      },
    )
  }

  #relative(path: string): string {
    if (path.startsWith(this.#root)) return path.slice(this.#root.length)
    const { path: text } = locationKey(path)
    const root = locationKey(this.#root).path
    return text.startsWith(root) ? text.slice(root.length) : text.slice(1)
  }
}
