import { z } from 'zod'

/** @see https://tediousjs.github.io/tedious/api-connection.html */
const authenticationTypes = [
  'default',
  'ntlm',
  'azure-active-directory-default',
  'azure-active-directory-password',
  'azure-active-directory-access-token',
  'azure-active-directory-msi-vm',
  'azure-active-directory-msi-app-service',
  'azure-active-directory-service-principal-secret',
] as const

const connection = {
  connection: z.string().min(1).exactOptional(),
  server: z.string().min(1).exactOptional(),
  port: z.number().int().min(1).max(65535).exactOptional(),
  instance: z.string().min(1).exactOptional(),
  database: z.string().min(1).exactOptional(),
  user: z.string().exactOptional(),
  password: z.string().exactOptional(),
  domain: z.string().min(1).exactOptional(),
  authentication: z
    .strictObject({
      /** As the driver names it, e.g. `azure-active-directory-default`. */
      type: z.enum(authenticationTypes),
      options: z.record(z.string(), z.string()).exactOptional(),
    })
    .exactOptional(),
  encrypt: z
    .union([z.boolean(), z.literal('strict')], { error: 'expected `true`, `false` or `strict`' })
    .exactOptional(),
  trustServerCertificate: z.boolean().exactOptional(),
  maxConnections: z.number().int().min(1).max(1000).exactOptional(),
  connectTimeoutMs: z.number().int().min(1).exactOptional(),
  requestTimeoutMs: z.number().int().min(0).exactOptional(),
  idleTimeoutMs: z.number().int().min(0).exactOptional(),
  bulkTimeoutMs: z.number().int().min(0).exactOptional(),
  applicationName: z.string().min(1).exactOptional(),
  readOnlyIntent: z.boolean().exactOptional(),
  multiSubnetFailover: z.boolean().exactOptional(),
}

const oneWayToConnect = (value: { readonly [key: string]: unknown }, context: z.RefinementCtx): void => {
  const fields = ['server', 'port', 'instance', 'database', 'user', 'password', 'domain', 'authentication']
  const given = fields.filter((field) => value[field] !== undefined)
  if (value['connection'] !== undefined && given.length > 0) {
    context.addIssue({ code: 'custom', path: [given[0] ?? ''], message: 'give either `connection` or single fields' })
  }
  if (value['connection'] === undefined) {
    for (const field of ['server', 'database']) {
      if (value[field] === undefined) {
        context.addIssue({ code: 'custom', message: `\`${field}\` is missing (or give \`connection\`, an ADO string)` })
      }
    }
  }
}

const strategy = z.union(
  [
    z.literal('auto'),
    z.literal('rowversion'),
    z.strictObject({
      timestamp: z.strictObject({
        column: z.string().min(1),
        clock: z.enum(['utc', 'local']).exactOptional(),
        lagMs: z.number().int().min(0).exactOptional(),
        overlapMs: z.number().int().min(0).exactOptional(),
        filledBy: z.enum(['getdate', 'sysdatetime']).exactOptional(),
      }),
    }),
  ],
  { error: 'expected `auto`, `rowversion` or `{ timestamp: { column: NAME } }`' },
)

const tableSettings = {
  strategy: strategy.exactOptional(),
  timestamps: z.enum(['exact', 'micros']).exactOptional(),
  time: z.enum(['time', 'micros']).exactOptional(),
  loneSurrogates: z.enum(['refuse', 'replace']).exactOptional(),
  heartbeatMs: z.number().int().min(1).exactOptional(),
  maxUnitRows: z.number().int().min(1).exactOptional(),
  straightLoad: z.enum(['auto', 'never']).exactOptional(),
  load: z
    .strictObject({
      chunkRows: z.number().int().min(0).exactOptional(),
      connections: z.number().int().min(1).max(64).exactOptional(),
      maxRowsPerSecond: z.number().int().min(1).exactOptional(),
      maxValueBytes: z.number().int().min(16_384).max(1_073_741_824).exactOptional(),
      isolation: z.enum(['auto', 'read-committed', 'snapshot']).exactOptional(),
    })
    .exactOptional(),
  skipColumns: z.array(z.string().min(1)).exactOptional(),
  allowLoss: z.array(z.string().min(1)).exactOptional(),
  createTarget: z.boolean().exactOptional(),
}

const catalog = z.union(
  [
    z.string().min(1),
    z.strictObject({ postgres: z.strictObject({ url: z.string().min(1) }) }),
    z.strictObject({
      rest: z.strictObject({
        uri: z.string().min(1),
        /** Which of the server's warehouses. */
        warehouse: z.string().min(1).exactOptional(),
        token: z.string().min(1).exactOptional(),
        oauth2: z
          .strictObject({
            clientId: z.string().min(1),
            clientSecret: z.string().min(1),
            serverUri: z.string().min(1).exactOptional(),
            scope: z.string().min(1).exactOptional(),
          })
          .exactOptional(),
        headers: z.record(z.string(), z.string()).exactOptional(),
      }),
    }),
  ],
  { error: 'expected the path of a SQLite file, `{ postgres: { url: … } }` or `{ rest: { uri: … } }`' },
)

const warehouse = z.strictObject({
  /** Folder that holds the tables' files, or a location in an object store. A REST catalog has its own. */
  location: z.string().min(1).exactOptional(),
  /** By default a SQLite file, `catalog.db` in `location`. */
  catalog: catalog.exactOptional(),
  /** The catalog's name in the SQL catalog's tables. */
  name: z.string().min(1).exactOptional(),
  namespace: z.string().min(1).exactOptional(),
  formatVersion: z.union([z.literal(2), z.literal(3)], { error: 'expected `2` or `3`' }).exactOptional(),
  /** Of the file store, under the names that Iceberg's libraries share: `s3.endpoint`, `adls.sas-token`, ... */
  properties: z.record(z.string(), z.string()).exactOptional(),
})

/** The configuration file, as written. Unknown keys are mistakes. */
export const configSchema = z.strictObject({
  version: z.literal(1, { error: 'expected `1`, the only version of this format' }),
  sources: z.record(
    z.string().regex(/^[A-Za-z0-9_-]+$/, 'a source is named with letters, digits, _ and -'),
    z.strictObject(connection).superRefine(oneWayToConnect),
  ),
  warehouse,
  targets: z
    .record(
      z.string().regex(/^[A-Za-z0-9_-]+$/, 'a target is named with letters, digits, _ and -'),
      z
        .strictObject({
          ...connection,
          merge: z.enum(['merge', 'update-insert']).exactOptional(),
          lockTimeoutMs: z.number().int().min(0).exactOptional(),
          bulk: z
            .strictObject({
              batchRows: z.number().int().min(1).exactOptional(),
              lockTable: z.boolean().exactOptional(),
              checkConstraints: z.boolean().exactOptional(),
              fireTriggers: z.boolean().exactOptional(),
            })
            .exactOptional(),
        })
        .superRefine(oneWayToConnect),
    )
    .exactOptional(),
  watermarks: z.strictObject({ file: z.string().min(1) }).exactOptional(),
  defaults: z
    .strictObject({ ...tableSettings, parallel: z.number().int().min(1).max(64).exactOptional() })
    .exactOptional(),
  tables: z
    .array(
      z.strictObject({
        source: z.string().min(1),
        /** `schema.table`, with `[…]` around odd names; `*` and `?` are wildcards outside brackets. */
        table: z.string().min(1),
        exclude: z.array(z.string().min(1)).exactOptional(),
        target: z.string().min(1).exactOptional(),
        /** Where it goes on the target, `{schema}` and `{table}` replaced. By default the same name. */
        targetTable: z.string().min(1).exactOptional(),
        ...tableSettings,
      }),
    )
    .min(1, 'name at least one table'),
})

export type ConfigFile = z.infer<typeof configSchema>
export type ConnectionSettings = ConfigFile['sources'][string]
export type TargetSettings = NonNullable<ConfigFile['targets']>[string]
export type TableEntry = ConfigFile['tables'][number]
