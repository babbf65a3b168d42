import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runChild, runPython } from '../../child.ts'
import type { Figure } from '../../figure.ts'

interface Commit {
  readonly milliseconds: number
  readonly cpuMilliseconds: number
}

interface Measured {
  readonly commits: readonly Commit[]
  readonly peakMb: number
}

interface Ours extends Measured {
  /** The first commits to another table, made in turn with the last ones to the first. */
  readonly fresh: readonly Commit[]
}

type Time = 'milliseconds' | 'cpuMilliseconds'

/** A commit is told by the median of it and the ten before and after it. */
const around = 10
/** PyIceberg's commits take longer and longer: it makes no more than these. */
const mostPeerCommits = 500

/**
 * The time of one commit, of one data file, to a table that has had many, with manifests merged: commit 10 against commit
 * 2,000 with 100 snapshots kept, and the curve with all of them kept. The data file is not written, only the metadata. For
 * the comparison the first commits to a fresh table take turns with the last ones: the same process, warm, at the same time.
 * `ICEBRIDGE_BENCH_COMMITS` gives another number of commits.
 */
export async function* commitBench(options: { readonly say: (text: string) => void }): AsyncGenerator<Figure> {
  const last = Number(process.env['ICEBRIDGE_BENCH_COMMITS'] ?? '2000')
  const peerLast = Math.min(last, mostPeerCommits)
  const expire = await measure((place) => runChild<Ours>('./commit-leg.ts', ['expire', String(last + around), place]))
  options.say(`ours, 100 snapshots kept: ${curve(expire, last)}`)
  const peer = await measure((place) => runPython<Measured>('commit.py', ['expire', String(peerLast + around), place]))
  options.say(`PyIceberg, 100 snapshots kept: ${curve(peer, peerLast)}`)
  const keep = await measure((place) => runChild<Ours>('./commit-leg.ts', ['keep', String(last + around), place]))
  const peerKeep = await measure((place) =>
    runPython<Measured>('commit.py', ['keep', String(peerLast + around), place]),
  )
  options.say(`PyIceberg, all snapshots kept: ${curve(peerKeep, peerLast)}`)

  const { peakMb, fresh } = expire
  const name = `iceberg commit ${last}, 100 snapshots kept`
  yield {
    bench: name,
    value: rounded(at(expire.commits, last)),
    unit: 'ms',
    ratio: rounded(at(peer.commits, peerLast) / at(expire.commits, last)),
    aim: `none; the ratio is to PyIceberg's commit ${peerLast}`,
    peakMb,
  }
  for (const [time, of] of [
    ['milliseconds', ''],
    ['cpuMilliseconds', ', CPU time'],
  ] as const) {
    yield {
      bench: `${name}, to commit 10 of a fresh table${of}`,
      value: rounded(at(expire.commits, last, time) / at(fresh, 10, time)),
      unit: 'times',
      ratio: null,
      aim: 'at most 1.5',
      peakMb,
    }
  }
  yield {
    bench: `${name}, the mean of the last 100, merges of manifests included, to commit 10 of a fresh table, CPU time`,
    value: rounded(mean(expire.commits.slice(last - 100, last)) / at(fresh, 10, 'cpuMilliseconds')),
    unit: 'times',
    ratio: null,
    aim: 'none',
    peakMb,
  }
  for (const n of [10, 100, 500, 1000, 2000].filter((one) => one <= last)) {
    yield {
      bench: `iceberg commit ${n}, all snapshots kept`,
      value: rounded(at(keep.commits, n)),
      unit: 'ms',
      ratio: n > peerLast ? null : rounded(at(peerKeep.commits, n) / at(keep.commits, n)),
      aim: "none; the ratio is to PyIceberg's same commit",
      peakMb: keep.peakMb,
    }
  }
}

async function measure<T>(run: (place: string) => Promise<T>): Promise<T> {
  const place = mkdtempSync(join(tmpdir(), 'icebridge-bench-'))
  try {
    return await run(place)
  } finally {
    rmSync(place, { recursive: true, force: true })
  }
}

function at(commits: readonly Commit[], n: number, time: Time = 'milliseconds'): number {
  const near = commits.slice(Math.max(0, n - 1 - around), n + around).map((commit) => commit[time])
  const middle = near.toSorted((a, b) => a - b)[Math.floor(near.length / 2)]
  if (middle === undefined) throw new Error(`commit ${n} was not measured`)
  return middle
}

function mean(commits: readonly Commit[]): number {
  return commits.reduce((sum, commit) => sum + commit.cpuMilliseconds, 0) / commits.length
}

function curve(measured: Measured, last: number): string {
  const points = [10, 50, 100, 200, 500, 1000, 2000].filter((n) => n <= last)
  return points.map((n) => `${n}: ${at(measured.commits, n).toFixed(1)} ms`).join(', ')
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100
}
