import { streams } from './stream.ts'

streams('driver')
