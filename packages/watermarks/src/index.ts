export { WatermarkError, type WatermarkErrorCode, type WatermarkErrorOptions } from './errors.ts'
export { FileWatermarkStore, type FileWatermarkStoreOptions, type WatermarkEnvironment } from './file-store.ts'
export type { WatermarkOptions, WatermarkRecord, WatermarkStore } from './store.ts'
