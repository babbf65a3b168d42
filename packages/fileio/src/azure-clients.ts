import {
  BlobServiceClient,
  StorageSharedKeyCredential,
  type ContainerClient,
  type StoragePipelineOptions,
} from '@azure/storage-blob'
import { IcebergError } from '@icebridge/iceberg-core'
import { badProperty } from './object-store.ts'
import type { ObjectLocation } from './object-location.ts'

const PIPELINE: StoragePipelineOptions = { retryOptions: { maxTries: 5 } }

/**
 * Clients by account, made from the properties that Iceberg's libraries share.
 *
 * For the account `acme` (host `acme.dfs.core.windows.net`) the first of these that is set decides:
 * `adls.connection-string.<account or host>`, `adls.connection-string`; `adls.sas-token.<account or host>`, `adls.sas-token`;
 * `adls.auth.shared-key.account.name` and `.key`, or `adls.account-name` and `adls.account-key`; `adls.token`, a bearer token.
 * Without any, `DefaultAzureCredential` of `@azure/identity`.
 *
 * @see https://iceberg.apache.org/docs/latest/azure/
 */
export class AzureClients {
  readonly #properties: Readonly<Record<string, string>>
  readonly #services = new Map<string, Promise<BlobServiceClient>>()

  constructor(properties: Readonly<Record<string, string>>) {
    this.#properties = properties
  }

  /** @throws IcebergError `invalid-argument` when the location names no account and no property does. */
  async container(location: ObjectLocation, path: string): Promise<ContainerClient> {
    const at = location.authority.lastIndexOf('@')
    const container = at < 0 ? location.authority : location.authority.slice(0, at)
    const host = at < 0 ? this.#defaultHost(path) : location.authority.slice(at + 1)
    let service = this.#services.get(host)
    if (service === undefined) {
      service = this.#connect(host)
      this.#services.set(host, service)
    }
    return (await service).getContainerClient(container)
  }

  async #connect(host: string): Promise<BlobServiceClient> {
    const account = host.split('.')[0] ?? host
    const own = (name: string): string | undefined =>
      this.#properties[`${name}.${host}`] ?? this.#properties[`${name}.${account}`] ?? this.#properties[name]
    const connection = own('adls.connection-string')
    if (connection !== undefined) {
      try {
        return BlobServiceClient.fromConnectionString(connection, PIPELINE)
      } catch {
        // The client's own message may quote the string.
        throw badProperty(
          'adls.connection-string',
          'is no connection string of a storage account',
          'Copy it from the account’s access keys.',
        )
      }
    }
    // Blobs are served beside the hierarchical endpoint of the same account.
    const url = `https://${this.#properties['adls.account-host'] ?? host.replace('.dfs.', '.blob.')}`
    const sas = own('adls.sas-token')
    if (sas !== undefined) return new BlobServiceClient(`${url}?${sas.replace(/^\?/, '')}`, undefined, PIPELINE)
    const name = this.#properties['adls.auth.shared-key.account.name'] ?? this.#properties['adls.account-name']
    const key = this.#properties['adls.auth.shared-key.account.key'] ?? this.#properties['adls.account-key']
    if (key !== undefined) {
      return new BlobServiceClient(url, new StorageSharedKeyCredential(name ?? account, key), PIPELINE)
    }
    const token = this.#properties['adls.token']
    if (token !== undefined) {
      const getToken = () => Promise.resolve({ token, expiresOnTimestamp: Number.MAX_SAFE_INTEGER })
      return new BlobServiceClient(url, { getToken }, PIPELINE)
    }
    return new BlobServiceClient(url, await defaultCredential(host), PIPELINE)
  }

  #defaultHost(path: string): string {
    const name = this.#properties['adls.account-name'] ?? this.#properties['adls.auth.shared-key.account.name']
    if (name !== undefined) return `${name}.dfs.core.windows.net`
    throw new IcebergError('invalid-argument', `${path} does not name a storage account`, {
      context: { path },
      hint: 'Write abfss://container@account.dfs.core.windows.net/folder, or set adls.account-name.',
    })
  }
}

async function defaultCredential(host: string) {
  try {
    const { DefaultAzureCredential } = await import('@azure/identity')
    return new DefaultAzureCredential()
  } catch (cause) {
    throw new IcebergError('invalid-argument', `there are no credentials for ${host}`, {
      context: { host },
      hint: 'Set adls.sas-token, adls.account-key or adls.connection-string, or install @azure/identity for the default chain.',
      cause,
    })
  }
}
