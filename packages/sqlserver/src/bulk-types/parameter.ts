import { SqlServerError } from '../errors.ts'
import type { SqlParameter } from '../sql.ts'
import { driverType, type DriverType } from './driver-type.ts'
import { valueWriter } from './text-value.ts'
import { wireType } from './wire-type.ts'

/** A parameter ready for the driver: the type writes the value. */
export interface WireParameter {
  readonly name: string
  readonly type: DriverType
}

/**
 * The parameters of a statement for the driver, each declared with its own type: a comparison with the column then needs no
 * conversion, and datetime is compared as datetime.
 *
 * @throws {SqlServerError} `invalid-value` for a value that its type cannot hold exactly, `invalid-argument` for a bad name.
 */
export function wireParameters(parameters: readonly SqlParameter[]): readonly WireParameter[] {
  const names = new Set<string>()
  return parameters.map(({ name, type, value }) => {
    if (!/^[A-Za-z_][A-Za-z0-9_]{0,126}$/.test(name) || names.has(name)) {
      throw new SqlServerError('invalid-argument', `@${name} cannot be the name of a parameter, or stands twice`)
    }
    names.add(name)
    return { name, type: driverType(type, wireType(type), valueWriter(`@${name}`, type, value)) }
  })
}
