import { join } from 'node:path'
import { runProcess } from './run-process.ts'
import { root } from './workspace.ts'

/** How to start the program of `fixtures/java`, or why it cannot be. */
export type JavaTables = { readonly classpath: string } | { readonly missing: string }

/**
 * Finds the compiled program of `fixtures/java`, whose classpath `ICEBRIDGE_JAVA_TABLES_CLASSPATH` gives.
 * Throws where a missing one is an error, because `ICEBRIDGE_REQUIRE_INTEROP` is 1.
 */
export async function findJavaTables(): Promise<JavaTables> {
  const found = await look()
  if ('missing' in found && process.env['ICEBRIDGE_REQUIRE_INTEROP'] === '1') throw new Error(found.missing)
  return found
}

async function look(): Promise<JavaTables> {
  const classpath = process.env['ICEBRIDGE_JAVA_TABLES_CLASSPATH']
  if (classpath === undefined || classpath === '') {
    const pom = join(root, 'fixtures/java/pom.xml')
    return { missing: `ICEBRIDGE_JAVA_TABLES_CLASSPATH is not set: build ${pom} as .ci/run does` }
  }
  const tried = await runProcess('java', ['-version']).catch((error: unknown) => error)
  return tried instanceof Error ? { missing: `java cannot be started: ${tried.message}` } : { classpath }
}
