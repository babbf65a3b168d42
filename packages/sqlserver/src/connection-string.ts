import type { SqlServerConfig } from './config.ts'
import { SqlServerError } from './errors.ts'

type Draft = { -readonly [Key in keyof SqlServerConfig]?: SqlServerConfig[Key] }
type Setting = (draft: Draft, value: string, key: string) => void

/**
 * Reads a connection string as ADO.NET and SqlClient write them:
 * `Server=tcp:host,1433;Database=erp;User Id=sync;Password=…;Encrypt=true;TrustServerCertificate=false`.
 *
 * Keys are case-insensitive and may be any of SqlClient's synonyms. A value in single or double quotes may hold `;`, and the quote
 * itself doubled. Time-outs are in seconds, as SqlClient has them. Keywords that mean nothing to this driver are ignored.
 *
 * @throws {SqlServerError} `invalid-config` for malformed text, an unknown keyword or a missing server or database. The message
 * names the keyword, never a value.
 * @see https://learn.microsoft.com/dotnet/api/microsoft.data.sqlclient.sqlconnection.connectionstring
 */
export function parseConnectionString(text: string): SqlServerConfig {
  const draft: Draft = {}
  for (const [key, value] of pairs(text)) {
    const normal = key.toLowerCase().replaceAll(/\s+/g, ' ')
    const setting = settings[normal]
    if (setting !== undefined) setting(draft, value, key)
    else if (!ignored.has(normal)) throw invalid(`${JSON.stringify(key)} is not a keyword of connection strings`)
  }
  const { server, database } = draft
  if (server === undefined || server === '') throw invalid('the connection string names no Server')
  if (database === undefined || database === '') throw invalid('the connection string names no Database')
  return { ...draft, server, database }
}

function* pairs(text: string): Generator<readonly [key: string, value: string]> {
  const pair = /\s*([^=;]+?)\s*=\s*(?:'((?:[^']|'')*)'|"((?:[^"]|"")*)"|((?:[^;'"\s][^;]*?)?))\s*(?:;|$)/y
  let at = 0
  while (/[^\s;]/.test(text.slice(at))) {
    while (text[at] === ';' || text[at] === ' ') at += 1
    pair.lastIndex = at
    const match = pair.exec(text)
    if (match === null) throw invalid(`the connection string is malformed after ${at} characters`)
    at = pair.lastIndex
    const [, key = '', single, double, plain = ''] = match
    yield [key, single?.replaceAll("''", "'") ?? double?.replaceAll('""', '"') ?? plain]
  }
}

function server(draft: Draft, value: string): void {
  let host = value.trim()
  if (/^(np|lpc|admin):/i.test(host)) throw invalid('only TCP is supported; write Server=tcp:host,port')
  host = host.replace(/^tcp:/i, '')
  const [, name = host, port] = /^(.*),\s*(\d+)$/.exec(host) ?? []
  const [, machine = name, instance] = /^([^\\]*)\\(.+)$/.exec(name) ?? []
  draft.server = /^(\.|\(local\)|\(localdb\))$/i.test(machine) ? 'localhost' : machine.trim()
  if (instance !== undefined) draft.instanceName = instance.trim()
  if (port !== undefined) draft.port = portNumber(port)
}

function portNumber(text: string): number {
  const port = Number(text)
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw invalid('the port is not 1 to 65535')
  return port
}

function seconds(name: 'connectTimeoutMs' | 'requestTimeoutMs'): Setting {
  return (draft, value, key) => {
    if (!/^\d{1,7}$/.test(value.trim())) throw invalid(`${key} is not a number of seconds`)
    draft[name] = Number(value) * 1000
  }
}

function flag(set: (draft: Draft, value: boolean) => void): Setting {
  return (draft, value, key) => {
    const word = value.trim().toLowerCase()
    if (!/^(true|yes|1|false|no|0)$/.test(word)) throw invalid(`${key} is neither true nor false`)
    set(draft, /^(true|yes|1)$/.test(word))
  }
}

const encrypt: Setting = (draft, value, key) => {
  const word = value.trim().toLowerCase()
  if (word === 'strict') draft.encrypt = 'strict'
  else if (/^(true|yes|mandatory|1)$/.test(word)) draft.encrypt = true
  else if (/^(false|no|optional|0)$/.test(word)) draft.encrypt = false
  else throw invalid(`${key} is none of true, false, mandatory, optional, strict`)
}

const user: Setting = (draft, value) => {
  const [, domain, name] = /^([^\\]+)\\(.+)$/.exec(value) ?? []
  draft.user = name ?? value
  if (domain !== undefined) draft.domain = domain
}

const authentication: Setting = (draft, value, key) => {
  const word = value.trim().toLowerCase().replaceAll(' ', '')
  if (word === 'sqlpassword' || word === '') return
  if (word === 'activedirectorydefault') {
    draft.authentication = { type: 'azure-active-directory-default', options: {} }
    return
  }
  throw invalid(`${key} is neither SqlPassword nor Active Directory Default; give other logins as an object`)
}

const maxPool: Setting = (draft, value, key) => {
  if (!/^[1-9]\d{0,4}$/.test(value.trim())) throw invalid(`${key} is not 1 to 99999`)
  draft.maxConnections = Number(value)
}

const integrated: Setting = (_, value, key) => {
  if (!/^(false|no|0)$/i.test(value.trim())) {
    throw invalid(
      `${key} is not supported`,
      'Use a SQL login, an NTLM login (domain\\user with its password) or Microsoft Entra.',
    )
  }
}

const connectTimeout = seconds('connectTimeoutMs')
const requestTimeout = seconds('requestTimeoutMs')
const trust = flag((draft, value) => (draft.trustServerCertificate = value))
const multiSubnet = flag((draft, value) => (draft.multiSubnetFailover = value))
const database: Setting = (draft, value) => (draft.database = value)
const password: Setting = (draft, value) => (draft.password = value)
const application: Setting = (draft, value) => (draft.applicationName = value)
const intent: Setting = (draft, value) =>
  (draft.readOnlyIntent = value.replaceAll(' ', '').toLowerCase() === 'readonly')

const settings: Readonly<Record<string, Setting>> = {
  server,
  'data source': server,
  address: server,
  addr: server,
  'network address': server,
  database,
  'initial catalog': database,
  'user id': user,
  uid: user,
  user,
  password,
  pwd: password,
  encrypt,
  trustservercertificate: trust,
  'trust server certificate': trust,
  'connection timeout': connectTimeout,
  'connect timeout': connectTimeout,
  timeout: connectTimeout,
  'command timeout': requestTimeout,
  'request timeout': requestTimeout,
  'application name': application,
  app: application,
  applicationintent: intent,
  'application intent': intent,
  multisubnetfailover: multiSubnet,
  'multi subnet failover': multiSubnet,
  'max pool size': maxPool,
  authentication,
  'integrated security': integrated,
  trusted_connection: integrated,
}

/** SqlClient's keywords that change nothing here. */
const ignored: ReadonlySet<string> = new Set([
  'asynchronous processing',
  'attachdbfilename',
  'column encryption setting',
  'connect retry count',
  'connect retry interval',
  'connection lifetime',
  'connection reset',
  'connectretrycount',
  'connectretryinterval',
  'context connection',
  'current language',
  'enlist',
  'failover partner',
  'host name in certificate',
  'ip address preference',
  'language',
  'load balance timeout',
  'min pool size',
  'multiple active result sets',
  'multipleactiveresultsets',
  'net',
  'network',
  'network library',
  'packet size',
  'persist security info',
  'persistsecurityinfo',
  'pool blocking period',
  'poolblockingperiod',
  'pooling',
  'replication',
  'transaction binding',
  'transparent network ip resolution',
  'type system version',
  'user instance',
  'workstation id',
  'wsid',
])

function invalid(what: string, hint?: string): SqlServerError {
  return new SqlServerError('invalid-config', what, {
    hint: hint ?? 'Write Server=host,port;Database=name;User Id=login;Password=…;Encrypt=true.',
  })
}
