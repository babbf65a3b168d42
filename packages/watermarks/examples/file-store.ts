import { FileWatermarkStore } from '@icebridge/watermarks'

/** Records where a table stands and reads it back. */
export async function example(path: string): Promise<string | undefined> {
  await using store = await FileWatermarkStore.open(path)
  await store.write({
    table: 'erp.dbo.orders',
    strategy: 'rowversion',
    watermark: '0x00000000000007d1',
    snapshotId: '3051729675574597004',
    sequence: '1150',
    updatedAt: new Date().toISOString(),
    runId: '0191d0a4-0000-7000-8000-000000000001',
  })
  return (await store.read('erp.dbo.orders'))?.watermark
}
