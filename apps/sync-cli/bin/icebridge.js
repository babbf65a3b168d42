#!/usr/bin/env node
import { setFlagsFromString } from 'node:v8'

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 22 || (major === 22 && minor < 15)) {
  process.stderr.write(`icebridge needs Node 22.15 or newer; this is ${process.versions.node}.\n`)
  process.exit(64)
}
// The young generation stays small: rows are in memory outside the heap, which objects in a large one keep from being freed.
setFlagsFromString('--semi-space-growth-factor=1')
// The build is loaded here, so that the command can be linked before it is built.
const { main } = await import('../dist/main.js')
process.exitCode = await main(process.argv.slice(2))
