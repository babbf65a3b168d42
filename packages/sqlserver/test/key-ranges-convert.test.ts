import { keyRanges } from './key-ranges.ts'

keyRanges('convert')
