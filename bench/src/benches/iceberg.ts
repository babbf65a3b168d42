import type { Figure } from '../figure.ts'
import { appendBench } from './iceberg/append.ts'
import { commitBench } from './iceberg/commit.ts'
import { planBench } from './iceberg/plan.ts'
import { scanBench } from './iceberg/scan.ts'
import { upsertBench } from './iceberg/upsert.ts'

const parts = [appendBench, scanBench, commitBench, planBench, upsertBench]

/** Iceberg tables against PyIceberg (`ICEBRIDGE_PYTHON`) and DuckDB, one part after the other. */
export async function* iceberg(options: { readonly say: (text: string) => void }): AsyncGenerator<Figure> {
  for (const part of parts) yield* part(options)
}
