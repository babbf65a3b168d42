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
