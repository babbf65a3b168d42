import { fromHex, toHex } from './hex.ts'

/** The 16 bytes of a UUID, big-endian; `undefined` for anything that is not one. */
export function uuidToBytes(uuid: string): Uint8Array | undefined {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(uuid)) return undefined
  return fromHex(uuid.replaceAll('-', ''))
}

/** Lower case with hyphens. `bytes` must be 16 long. */
export function uuidFromBytes(bytes: Uint8Array): string {
  const hex = toHex(bytes)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
