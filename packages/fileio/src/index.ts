export { fileIOFor } from './file-io-for.ts'
export { isTemporaryFile, LocalFileIO, type LocalFileIOOptions } from './local.ts'
