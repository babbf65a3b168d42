import { type Parameter, SandboxSqlError, type Session } from '../session.ts'
import { bindNames, type RpcCall } from './requests.ts'
import { RETURN_STATUS, type Response } from './response.ts'
import { wireError } from './wire-error.ts'

const PROCEDURE_NAME = /^(\[[^\]]+\]|[\p{L}_#][\p{L}\p{N}_#$@]*)?(\.(\[[^\]]+\]|[\p{L}_#][\p{L}\p{N}_#$@]*)?){0,3}$/u

interface Prepared {
  readonly text: string
  readonly declaration: string
}

/** What a call of a procedure runs, and the text that it is known by. */
export interface ProcedureCall {
  readonly text: string
  readonly body: (response: Response, session: Session) => void | Promise<void>
}

/** The procedures of the protocol, with the statements that one connection has prepared. */
export class Procedures {
  readonly #prepared = new Map<number, Prepared>()
  #nextHandle = 1

  /** Drops what was prepared. */
  forget(): void {
    this.#prepared.clear()
  }

  of(call: RpcCall, signal: AbortSignal): ProcedureCall {
    const { parameters } = call
    const name = call.procedure.replace(/^(sys\.|master\.(sys|dbo)?\.)/i, '').toLowerCase()
    const text = (index: number): string => {
      const value = parameters[index]?.value
      return typeof value === 'string' ? value : ''
    }
    switch (name) {
      case 'sp_executesql': {
        const bound = bindNames(text(1), parameters.slice(2))
        return { text: text(0), body: (response, session) => session.execute(text(0), bound, response, signal) }
      }
      case 'sp_prepare':
        return {
          text: text(2),
          body: (response) => {
            const handle = this.#prepare({ text: text(2), declaration: text(1) })
            response.returnValue(parameters[0]?.name || '@handle', { name: 'int' }, handle)
          },
        }
      case 'sp_prepexec': {
        const bound = bindNames(text(1), parameters.slice(3))
        return {
          text: text(2),
          body: async (response, session) => {
            const handle = this.#prepare({ text: text(2), declaration: text(1) })
            response.returnValue(parameters[0]?.name || '@handle', { name: 'int' }, handle)
            await session.execute(text(2), bound, response, signal)
          },
        }
      }
      case 'sp_execute': {
        const handle = Number(parameters[0]?.value)
        const prepared = this.#prepared.get(handle)
        return {
          text: prepared?.text ?? `sp_execute ${handle}`,
          body: (response, session) => {
            if (prepared === undefined) throw noSuchHandle(handle)
            const bound = bindNames(prepared.declaration, parameters.slice(1))
            return session.execute(prepared.text, bound, response, signal)
          },
        }
      }
      case 'sp_unprepare': {
        const handle = Number(parameters[0]?.value)
        return {
          text: `sp_unprepare ${handle}`,
          body: () => {
            if (!this.#prepared.delete(handle)) throw noSuchHandle(handle)
          },
        }
      }
      case 'sp_reset_connection':
        return { text: name, body: (_response, session) => session.reset() }
      default:
        return otherProcedure(call, signal)
    }
  }

  #prepare(prepared: Prepared): number {
    const handle = this.#nextHandle++
    this.#prepared.set(handle, prepared)
    return handle
  }
}

/** Any other procedure is the engine's to know: it becomes an EXEC with parameters. */
function otherProcedure(call: RpcCall, signal: AbortSignal): ProcedureCall {
  const positional = call.parameters.map((parameter, index) => ({
    ...parameter,
    name: parameter.name === '' ? `@__p${index + 1}` : parameter.name,
  }))
  const listed = call.parameters.map((parameter, index) => {
    const bound = `${positional[index]?.name}${parameter.output ? ' OUTPUT' : ''}`
    return parameter.name === '' ? bound : `${parameter.name} = ${bound}`
  })
  const text = `EXEC ${RETURN_STATUS} = ${call.procedure} ${listed.join(', ')}`.trimEnd()
  const status: Parameter = { name: RETURN_STATUS, type: { name: 'int' }, value: null, output: true }
  return {
    text,
    body: (response, session) => {
      if (!PROCEDURE_NAME.test(call.procedure)) throw noSuchProcedure(call.procedure)
      return session.execute(text, [status, ...positional], response, signal)
    },
  }
}

function noSuchHandle(handle: number): SandboxSqlError {
  return new SandboxSqlError({
    ...wireError(`Could not find prepared statement with handle ${handle}.`),
    number: 8179,
    state: 4,
  })
}

function noSuchProcedure(name: string): SandboxSqlError {
  return new SandboxSqlError({ ...wireError(`Could not find stored procedure '${name}'.`), number: 2812, state: 62 })
}
