import type { ConnectionAuthentication } from 'tedious'

/** How to reach one database. Either `user` and `password`, or `authentication` in the driver's own shape. */
export interface SqlServerConfig {
  /** Host name or address; `host\INSTANCE` names an instance as `instanceName` does. */
  readonly server: string
  /** 1433 when absent and no instance is named. With a port, an instance name is not looked up. */
  readonly port?: number
  /** A named instance, whose port the SQL Server Browser tells (UDP 1434). */
  readonly instanceName?: string
  readonly database: string
  readonly user?: string
  readonly password?: string
  /** The domain of an NTLM login. */
  readonly domain?: string
  /** Any authentication of the driver: `ntlm`, `azure-active-directory-default`, `…-access-token`, and so on. */
  readonly authentication?: ConnectionAuthentication
  /** True when absent. `strict` is TDS 8.0. */
  readonly encrypt?: boolean | 'strict'
  /** Take any certificate. False when absent. */
  readonly trustServerCertificate?: boolean
  /** Pooled connections at most, 10 when absent. Dedicated ones are not counted. */
  readonly maxConnections?: number
  /** 15,000 when absent. */
  readonly connectTimeoutMs?: number
  /** From sending a statement to the first packet of its answer; 0 means no limit. 300,000 when absent. */
  readonly requestTimeoutMs?: number
  /** How long a read may bring nothing in the middle of its answer before it is given up; 0 means no limit. 120,000 when absent. */
  readonly idleTimeoutMs?: number
  /** How long a bulk load may go without progress; 0 means no limit. 300,000 when absent. */
  readonly bulkTimeoutMs?: number
  /** Shown in sys.dm_exec_sessions; `icebridge` when absent. */
  readonly applicationName?: string
  /** ApplicationIntent=ReadOnly: a readable secondary where there is one. */
  readonly readOnlyIntent?: boolean
  readonly multiSubnetFailover?: boolean
}

/** The defaults of the time-outs, in milliseconds. */
export const defaults = {
  connectTimeoutMs: 15_000,
  requestTimeoutMs: 300_000,
  idleTimeoutMs: 120_000,
  bulkTimeoutMs: 300_000,
  maxConnections: 10,
} as const
