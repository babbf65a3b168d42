import { IcebergError, type TableIdentifier } from '@icebridge/iceberg-core'

/** Between the levels of a namespace, where the server names no other. */
const UNIT_SEPARATOR = '\u001F'

/** The addresses of a catalog's resources. */
export class RestPaths {
  readonly #base: string
  /** Between the levels of a namespace, decoded. */
  readonly #separator: string

  /** `uri` has no slash at its end. `prefix` and `separator` (percent-encoded) are the server's. */
  constructor(uri: string, options: { readonly prefix?: string | undefined; readonly separator?: string | undefined }) {
    const prefix = options.prefix?.replace(/^\/+|\/+$/g, '')
    this.#base = prefix === undefined || prefix === '' ? `${uri}/v1` : `${uri}/v1/${prefix}`
    this.#separator = decoded(options.separator) ?? UNIT_SEPARATOR
  }

  get namespaces(): string {
    return `${this.#base}/namespaces`
  }

  get rename(): string {
    return `${this.#base}/tables/rename`
  }

  namespace(namespace: readonly string[]): string {
    const separator = encodeURIComponent(this.#separatorFor(namespace))
    const segment = namespace.map((level) => encoded(level, 'namespace')).join(separator)
    return `${this.namespaces}/${addressable(segment, namespace.join('.'))}`
  }

  /** A namespace as the value of a query parameter. */
  parent(namespace: readonly string[]): string {
    return namespace.map((level) => wellFormed(level, 'namespace')).join(this.#separatorFor(namespace))
  }

  tables(namespace: readonly string[]): string {
    return `${this.namespace(namespace)}/tables`
  }

  table(identifier: TableIdentifier): string {
    const { name } = identifier
    return `${this.tables(identifier.namespace)}/${addressable(encoded(name, 'table name'), name)}`
  }

  /** Every server takes the unit separator beside its own, so a level may hold the server's when there is another level. */
  #separatorFor(namespace: readonly string[]): string {
    const holdsIt = namespace.some((level) => level.includes(this.#separator))
    const ambiguous = namespace.length === 1 ? holdsIt : namespace.some((level) => level.includes(UNIT_SEPARATOR))
    if (namespace.length === 0 || ambiguous) {
      throw new IcebergError(
        'invalid-argument',
        `${JSON.stringify(namespace)} is not a namespace of this REST catalog`,
        {
          context: { namespace: namespace.join('.') },
          hint: `Give at least one level; this server takes ${JSON.stringify(this.#separator)} for the end of a level.`,
        },
      )
    }
    return holdsIt ? UNIT_SEPARATOR : this.#separator
  }
}

function encoded(name: string, what: string): string {
  return encodeURIComponent(wellFormed(name, what))
}

function wellFormed(name: string, what: string): string {
  if (name !== '' && name.isWellFormed()) return name
  throw new IcebergError('invalid-argument', `${JSON.stringify(name)} is not a ${what}`, {
    context: { name },
    hint: `A ${what} is not empty and has no lone surrogate.`,
  })
}

/** URLs give `.` and `..` a meaning of their own, encoded too. @see https://url.spec.whatwg.org/#double-dot-path-segment */
function addressable(segment: string, name: string): string {
  if (!/^(\.|%2e){1,2}$/i.test(segment)) return segment
  throw new IcebergError('invalid-argument', `${JSON.stringify(name)} cannot stand in an address of a REST catalog`, {
    context: { name },
    hint: 'Use another name.',
  })
}

function decoded(separator: string | undefined): string | undefined {
  if (separator === undefined || separator === '') return undefined
  try {
    return decodeURIComponent(separator)
  } catch {
    return separator
  }
}
