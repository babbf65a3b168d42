export type { ColumnField, ColumnType } from '@icebridge/columnar'
