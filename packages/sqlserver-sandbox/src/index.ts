export { type MssqlConfig, type Sandbox, type SandboxOptions, startSandbox } from './sandbox.ts'
export { type ServeOptions, type TdsServer, type TraceEntry, serve } from './server.ts'
export {
  type Fault,
  type FaultAction,
  FaultPlan,
  type FaultRule,
  type RequestInfo,
  type RequestKind,
} from './faults.ts'
export {
  type BulkColumn,
  type BulkLoad,
  type Engine,
  type IsolationLevel,
  type Login,
  type Parameter,
  type ResultChunk,
  type ResultColumn,
  type ResultSink,
  SandboxSqlError,
  type Session,
  type SqlError,
  type SqlType,
  type SqlValue,
} from './session.ts'
