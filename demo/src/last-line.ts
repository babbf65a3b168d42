/** Reads `icebridge verify --json` on its input and the journal's rows as its argument, and prints the demo's last line. */
import { text } from 'node:stream/consumers'

interface Verified {
  readonly status: string
  readonly sourceRows: string
  readonly targetRows: string
}

const { status, sourceRows, targetRows }: Verified = JSON.parse(await text(process.stdin))
const [journalRows = ''] = process.argv.slice(2)
const line = `source ${sourceRows} · journal ${journalRows.trim()} · target ${targetRows} · ${status === 'equal' ? 'verified' : 'DIFFERENT'}`
process.stdout.write(`${line}\n`)
if (line !== 'source 1100 · journal 1150 · target 1100 · verified') process.exitCode = 1
