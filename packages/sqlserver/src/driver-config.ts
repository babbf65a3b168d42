import type { Socket } from 'node:net'
import type { ConnectionAuthentication, ConnectionConfiguration } from 'tedious'
import { defaults, type SqlServerConfig } from './config.ts'
import { SqlServerError } from './errors.ts'
import { connectReusing } from './arrivals.ts'

/**
 * The driver's form of a configuration, used for pooled and dedicated connections alike.
 *
 * `useUTC` is fixed: exact reading rests on dates that know no time zone. Rows come as arrays. XACT_ABORT is not the driver's: the
 * batches that need it say so themselves.
 *
 * @throws {SqlServerError} `invalid-config` when there is no way to log in.
 */
export function driverConfig(config: SqlServerConfig): ConnectionConfiguration {
  const [, host = config.server, instance = config.instanceName] = /^([^\\]*)\\(.+)$/.exec(config.server) ?? []
  const byInstance = config.port === undefined && instance !== undefined
  return {
    server: host,
    authentication: authentication(config),
    options: {
      ...(byInstance ? { instanceName: instance } : { port: config.port ?? 1433 }),
      database: config.database,
      encrypt: config.encrypt ?? true,
      trustServerCertificate: config.trustServerCertificate ?? false,
      connectTimeout: config.connectTimeoutMs ?? defaults.connectTimeoutMs,
      requestTimeout: config.requestTimeoutMs ?? defaults.requestTimeoutMs,
      cancelTimeout: 10_000,
      appName: config.applicationName ?? 'icebridge',
      readOnlyIntent: config.readOnlyIntent ?? false,
      multiSubnetFailover: config.multiSubnetFailover ?? false,
      // The driver's own goes to all addresses at once. It hands arguments over that its types leave out.
      ...(config.multiSubnetFailover === true ? {} : { connector: connectReusing as unknown as () => Promise<Socket> }),
      // Fewer headers and buffers to a megabyte; above 16 KiB the driver cuts again under TLS.
      packetSize: 16_384,
      tdsVersion: '7_4',
      useUTC: true,
      rowCollectionOnDone: false,
      rowCollectionOnRequestCompletion: false,
    },
  }
}

function authentication(config: SqlServerConfig): ConnectionAuthentication {
  if (config.authentication !== undefined) return config.authentication
  if (config.user === undefined || config.password === undefined) {
    throw new SqlServerError('invalid-config', `there is no login for ${config.server}`, {
      hint: 'Give user and password, or authentication.',
    })
  }
  const { user: userName, password, domain } = config
  return domain === undefined
    ? { type: 'default', options: { userName, password } }
    : { type: 'ntlm', options: { userName, password, domain } }
}
