/** One measured figure; printed as one JSON line. */
export interface Figure {
  readonly bench: string
  readonly value: number
  readonly unit: string
  /** To the peer measured in the same run; null when the figure has none. */
  readonly ratio: number | null
  /** The same by processor time, where it was measured: other work on the machine weighs less in it. */
  readonly cpuRatio?: number
  /** What the figure is meant to reach, in words. */
  readonly aim: string
  /** Peak resident memory of the measured process, in MB; null when it was not measured. */
  readonly peakMb: number | null
  /** What it may be, and whether it was no more. */
  readonly ceilingMb?: number
  readonly ceilingHeld?: boolean
}

export type Bench = (options: { readonly say: (text: string) => void }) => AsyncIterable<Figure>
