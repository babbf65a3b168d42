import { formatIdentifier, IcebergError, type TableIdentifier } from '@icebridge/iceberg-core'

export function noSuchTable(identifier: TableIdentifier): IcebergError {
  const name = formatIdentifier(identifier)
  return new IcebergError('no-such-table', `There is no table ${name}`, {
    context: { table: name },
    hint: 'Names are case-sensitive. List the tables of its namespace.',
  })
}

export function noSuchNamespace(namespace: readonly string[]): IcebergError {
  const name = namespace.join('.')
  return new IcebergError('no-such-namespace', `There is no namespace ${name}`, {
    context: { namespace: name },
    hint: 'Create it first. Names are case-sensitive.',
  })
}

export function tableExists(identifier: TableIdentifier): IcebergError {
  const name = formatIdentifier(identifier)
  return exists(`The table ${name}`, name)
}

export function exists(what: string, name: string): IcebergError {
  return new IcebergError('already-exists', `${what} exists already`, { context: { name } })
}

/** @throws IcebergError `invalid-argument` for a property that is both set and removed. */
export function refuseContradiction(
  namespace: readonly string[],
  set: Readonly<Record<string, string>>,
  remove: readonly string[],
): void {
  const twice = remove.find((key) => Object.hasOwn(set, key))
  if (twice === undefined) return
  throw new IcebergError('invalid-argument', `The property ${twice} is both set and removed`, {
    context: { namespace: namespace.join('.'), property: twice },
  })
}
