import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FileWatermarkStore } from '@icebridge/watermarks'

const folder = await mkdtemp(join(tmpdir(), 'watermarks-'))
await using store = await FileWatermarkStore.open(join(folder, 'watermarks.json'))

await store.write({
  table: 'erp.dbo.orders',
  strategy: 'rowversion',
  watermark: '0x00000000000007d1',
  snapshotId: '3051729675574597004',
  sequence: '1150',
  updatedAt: new Date().toISOString(),
  runId: '0191d0a4-0000-7000-8000-000000000001',
})

const orders = await store.read('erp.dbo.orders')
console.log(orders?.watermark) // 0x00000000000007d1
