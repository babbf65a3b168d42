import { parseArgs } from 'node:util'

export interface DemoArguments {
  /** Folder that the lake is left in; without it the lake is removed at the end. */
  readonly keep: string | undefined
  /** Run on a real SQL Server in a container instead of the sandbox. */
  readonly docker: boolean
}

/** Reads the demo's arguments; throws a TypeError that names the first it does not know. */
export function demoArguments(args: readonly string[]): DemoArguments {
  const { values } = parseArgs({
    args: [...args],
    options: { keep: { type: 'string' }, docker: { type: 'boolean', default: false } },
  })
  return { keep: values.keep, docker: values.docker }
}
