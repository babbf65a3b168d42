/** Reads `icebridge inspect --json` on its input and prints the id of the oldest snapshot. */
import { text } from 'node:stream/consumers'

interface Inspected {
  readonly type: string
  readonly snapshots?: readonly { readonly snapshotId: string }[]
}

const lines = (await text(process.stdin)).trimEnd().split('\n')
const inspected = lines.map((line): Inspected => JSON.parse(line)).find(({ type }) => type === 'inspect')
const oldest = inspected?.snapshots?.at(-1)
if (oldest === undefined) throw new Error('the journal has no snapshot')
process.stdout.write(oldest.snapshotId)
