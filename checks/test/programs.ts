import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

/** The command's file, run with Node. */
export const icebridgeProgram: string = require.resolve('@icebridge/sync-cli/bin/icebridge.js')

/** The demo's file, run with Node. */
export const demoProgram: string = require.resolve('@icebridge/demo/src/main.ts')
