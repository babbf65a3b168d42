/** What a Puffin file and its footer begin with, and the file ends with. */
export const puffinMagic: Buffer = Buffer.from('PFA1')

/** After the footer's payload: its size, the flags, the magic number. */
export const trailerBytes = 12
