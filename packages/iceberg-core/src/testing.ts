export { InMemoryCatalog } from './testing/in-memory-catalog.ts'
export type { CommitFault } from './testing/in-memory-catalog.ts'
export { InMemoryFileIO } from './testing/in-memory-file-io.ts'
export { TestEnvironment } from './testing/test-environment.ts'
