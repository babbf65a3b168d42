const hex = new Uint8Array(128)
for (let value = 0; value < 16; value += 1) {
  hex['0123456789abcdef'.charCodeAt(value)] = value
  hex['0123456789ABCDEF'.charCodeAt(value)] = value
}

/** The 16 bytes of a uuid's text, in the order of the text, written into `bytes`. */
export function uuidBytes(text: string, bytes: Uint8Array): Uint8Array {
  let at = 0
  for (let index = 0; index < 16; index += 1) {
    if (index === 4 || index === 6 || index === 8 || index === 10) at += 1
    bytes[index] = ((hex[text.charCodeAt(at)] ?? 0) << 4) | (hex[text.charCodeAt(at + 1)] ?? 0)
    at += 2
  }
  return bytes
}
