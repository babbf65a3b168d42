/** What this package tells while it works. pino and winston fit; by default nothing is said. */
export interface Logger {
  debug(fields: Readonly<Record<string, unknown>>, message: string): void
  warn(fields: Readonly<Record<string, unknown>>, message: string): void
}

const nothing = (): void => {}

export const silentLogger: Logger = { debug: nothing, warn: nothing }
