import { streams } from './stream.ts'

streams('convert')
