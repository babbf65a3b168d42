import { runProcess } from './run-process.ts'

/** A Python that has the packages of `checks/interop/requirements.txt`, or why there is none. */
export type Python = { readonly path: string } | { readonly missing: string }

/**
 * Finds the Python of the interop checks, which `ICEBRIDGE_PYTHON` names.
 * Throws where a missing one is an error, because `ICEBRIDGE_REQUIRE_INTEROP` is 1.
 */
export async function findPython(): Promise<Python> {
  const found = await look()
  if ('missing' in found && process.env['ICEBRIDGE_REQUIRE_INTEROP'] === '1') throw new Error(found.missing)
  return found
}

async function look(): Promise<Python> {
  const path = process.env['ICEBRIDGE_PYTHON']
  if (path === undefined || path === '') {
    return {
      missing: 'ICEBRIDGE_PYTHON is not set: name a Python with the packages of checks/interop/requirements.txt',
    }
  }
  const modules = 'import pyiceberg, pyarrow, sqlalchemy, duckdb, duckdb_extension_iceberg, duckdb_extension_avro, chdb'
  const tried = await runProcess(path, ['-c', modules]).catch((error: unknown) => error)
  if (tried instanceof Error) return { missing: `${path} cannot be started: ${tried.message}` }
  const { code, stderr } = tried as Awaited<ReturnType<typeof runProcess>> // rejections of runProcess are Errors
  if (code === 0) return { path }
  return { missing: `${path} lacks packages of checks/interop/requirements.txt: ${stderr.trim().split('\n').at(-1)}` }
}
