/** Reads `icebridge inspect --json` on its input and prints the id of the oldest snapshot. */
import { text } from 'node:stream/consumers'

const inspected: { readonly snapshots: readonly { readonly snapshotId: string }[] } = JSON.parse(
  await text(process.stdin),
)
process.stdout.write(inspected.snapshots[0]?.snapshotId ?? '')
