import { SandboxSqlError, type SqlType, type SqlValue } from '../session.ts'
import type { Expression, Statement, StatementOf } from '../tsql/ast.ts'
import { parseBatch } from '../tsql/statements.ts'
import { applicationLock, releaseApplicationLock } from './application-locks.ts'
import { fold } from './catalog.ts'
import { notImplemented, sqlError } from './errors.ts'
import { evaluate } from './evaluate.ts'
import { typeOf } from './names.ts'
import { parseNumber } from './numbers.ts'
import type { Frame, SessionState } from './state.ts'
import { textOf } from './values.ts'

/** Runs statements with variables of their own. */
export type RunBatch = (statements: readonly Statement[], frame: Frame) => Promise<void>

export async function throwError(state: SessionState, s: StatementOf<'throw'>): Promise<never> {
  const [number, message, errorState] = s.arguments
  if (number === undefined || message === undefined || errorState === undefined) {
    const { caught } = state
    if (caught === undefined)
      throw sqlError(10704, 'To rethrow an error, a THROW statement must be used inside a CATCH block.', {
        severity: 15,
      })
    throw new SandboxSqlError(caught)
  }
  const code = Number((await evaluate(state, number, { name: 'int' })).value)
  if (code < 50000)
    throw sqlError(
      35100,
      `Error number ${code} in the THROW statement is outside the valid range. Specify an error number in the valid range of 50000 to 2147483647.`,
    )
  const text = textOf((await evaluate(state, message, { name: 'nvarchar', length: 2048 })).value)
  throw sqlError(code, text, {
    severity: 16,
    state: Number((await evaluate(state, errorState, { name: 'int' })).value),
  })
}

export async function raiseError(state: SessionState, s: StatementOf<'raiserror'>): Promise<void> {
  const values: SqlValue[] = []
  for (const a of s.arguments) values.push((await evaluate(state, a)).value)
  const [text, severity = 16, errorState = 1, ...rest] = values
  if (typeof text !== 'string') throw notImplemented('RAISERROR with a message number')
  let at = 0
  const message = text.replace(/%(?:-?\d*)(?:I64)?([sdiuxX%])/g, (_, kind: string) =>
    kind === '%' ? '%' : textOf(rest[at++] ?? '(null)'),
  )
  const level = Number(severity)
  const error = { number: 50000, message, severity: level, state: Number(errorState), line: s.line }
  if (level > 10) throw new SandboxSqlError(error)
  state.sink?.info(error)
}

/** EXEC of one of the procedures the engine has. */
export async function executeProcedure(
  state: SessionState,
  s: StatementOf<'execute'>,
  runBatch: RunBatch,
): Promise<void> {
  const name = fold(s.procedure.at(-1) ?? '')
  const args: {
    name: string | undefined
    value: SqlValue
    type: SqlType
    output: boolean
    expression: Expression
  }[] = []
  for (const a of s.arguments)
    args.push({
      name: a.name === undefined ? undefined : fold(a.name),
      output: a.output,
      expression: a.value,
      ...(await evaluate(state, a.value)),
    })
  const named = (key: string, index: number): SqlValue =>
    args.find((a) => a.name === `@${key}`)?.value ??
    (args[index]?.name === undefined ? args[index]?.value : null) ??
    null
  let code = 0
  if (name === 'sp_executesql') await executeSql(state, runBatch, args)
  else if (name === 'sp_getapplock') {
    code = await applicationLock(state, {
      resource: textOf(named('resource', 0)),
      mode: textOf(named('lockmode', 1)),
      owner: textOf(named('lockowner', 2) ?? 'Transaction'),
      timeoutMs: Number(parseNumber(named('locktimeout', 3)) ?? BigInt(state.options.lockTimeoutMs)),
    })
  } else if (name === 'sp_releaseapplock') {
    code = releaseApplicationLock(state, {
      resource: textOf(named('resource', 0)),
      owner: textOf(named('lockowner', 1) ?? 'Transaction'),
    })
  } else throw sqlError(2812, `Could not find stored procedure '${s.procedure.join('.')}'.`, { state: 62 })
  if (s.returnTo === undefined) return
  const variable = state.frame.variables.get(fold(s.returnTo))
  if (variable === undefined) throw sqlError(137, `Must declare the scalar variable "${s.returnTo}".`)
  variable.value = variable.type.name === 'bigint' ? BigInt(code) : code
}

async function executeSql(
  state: SessionState,
  runBatch: RunBatch,
  args: readonly { name: string | undefined; value: SqlValue; output: boolean; expression: Expression }[],
): Promise<void> {
  const [text, declaration, ...given] = args
  const frame: Frame = { variables: new Map(), tables: new Map() }
  const outputs: [string, string][] = []
  if (declaration !== undefined && declaration.value !== null) {
    const [parsed] = parseBatch(`DECLARE ${textOf(declaration.value).replace(/\b(OUTPUT|OUT)\b/gi, '')}`)
    if (parsed?.kind !== 'declare') throw sqlError(102, 'Incorrect syntax in the parameter list of sp_executesql.')
    for (const [i, v] of parsed.variables.entries()) {
      const type = typeOf(state, v.type, 'column')
      const a = given.find((g) => g.name === fold(v.name)) ?? (given[i]?.name === undefined ? given[i] : undefined)
      if (a === undefined)
        throw sqlError(8178, `The parameterized query expects the parameter '${v.name}', which was not supplied.`)
      frame.variables.set(fold(v.name), { type, value: (await evaluate(state, a.expression, type)).value })
      if (a.output && a.expression.kind === 'variable') outputs.push([fold(v.name), fold(a.expression.name)])
    }
  }
  await runBatch(parseBatch(textOf(text?.value)), frame)
  for (const [inner, outer] of outputs) {
    const from = frame.variables.get(inner)
    const to = state.frame.variables.get(outer)
    if (from !== undefined && to !== undefined) to.value = from.value
  }
}
