import type { DataFile } from '../manifest/data-file.ts'
import type { ManifestFile } from '../manifest/manifest-file.ts'
import type { TableHandle } from '../port/table-handle.ts'
import { clusterManifests } from './cluster-manifests.ts'
import { liveManifests } from './file-changes.ts'
import { type AnyManifest, manifestMerging } from './merge-manifests.ts'
import type { SnapshotCommit, SnapshotOptions, SnapshotOutcome } from './snapshot-commit.ts'
import { commitSnapshot } from './snapshot-committer.ts'
import type { ProducedSnapshot, ProducerAttempt, SnapshotProducer } from './snapshot-producer.ts'
import { SummaryCounts } from './snapshot-summary.ts'

/** The same files in other manifests. */
export interface RewriteManifestsCommit extends SnapshotCommit {
  /** Which manifests are rewritten; all of them when absent. */
  readonly select?: ((manifest: ManifestFile) => boolean) | undefined
  /** Files with equal answers come to stand together, in the order of the answers; by partition when absent. */
  readonly clusterBy?: ((file: DataFile) => string) | undefined
  /** How large a manifest may become; `commit.manifest.target-size-bytes` when absent. */
  readonly targetBytes?: number | undefined
}

/**
 * Writes the manifests of a snapshot anew, so that files which are read together stand together: in one snapshot of
 * operation `replace`. Every live file stays, with its sequence numbers and row ids; entries of deleted files go.
 * Manifests that others add meanwhile are kept as they are.
 *
 * The files of one content and spec are read twice, and held in memory only by their partitions.
 *
 * @throws IcebergError `unsupported-format-version` for a table of version 1, `malformed-manifest`, and whatever store
 * and catalog throw before a commit is sent.
 */
export async function rewriteManifests(
  table: TableHandle,
  commit: RewriteManifestsCommit,
  options: SnapshotOptions,
): Promise<SnapshotOutcome> {
  return await commitSnapshot(table, commit, { ...options, producer: new ManifestRewrite(commit) })
}

class ManifestRewrite implements SnapshotProducer {
  readonly operation = 'replace'
  readonly #commit: RewriteManifestsCommit
  #rewritten: { readonly sources: ReadonlySet<string>; readonly manifests: readonly AnyManifest[] } | undefined

  constructor(commit: RewriteManifestsCommit) {
    this.#commit = commit
  }

  async produce(attempt: ProducerAttempt): Promise<ProducedSnapshot> {
    const inherited = await liveManifests(attempt)
    const paths = new Set(inherited.map((manifest) => manifest.path))
    // What was written serves again as long as none of its sources was rewritten by others.
    const usable = [...(this.#rewritten?.sources ?? [])].every((path) => paths.has(path))
    if (this.#rewritten === undefined || !usable) this.#rewritten = await this.#rewrite(inherited, attempt)
    const { sources, manifests } = this.#rewritten
    const kept = inherited.filter((manifest) => !sources.has(manifest.path))
    const all = [...manifests, ...kept]
    return {
      counts: new SummaryCounts(attempt.metadata),
      manifests: [
        ...all.filter(({ content }) => content === 'data'),
        ...all.filter(({ content }) => content === 'deletes'),
      ],
      summary: {
        'manifests-created': String(manifests.length),
        'manifests-kept': String(kept.length),
        'manifests-replaced': String(sources.size),
        'entries-processed': String(manifests.reduce((sum, manifest) => sum + (manifest.existingFilesCount ?? 0), 0)),
      },
    }
  }

  async #rewrite(
    inherited: readonly ManifestFile[],
    attempt: ProducerAttempt,
  ): Promise<{ readonly sources: ReadonlySet<string>; readonly manifests: readonly AnyManifest[] }> {
    const { select, clusterBy, targetBytes } = this.#commit
    const selected = select === undefined ? inherited : inherited.filter(select)
    const groups = new Map<string, ManifestFile[]>()
    for (const manifest of selected) {
      const key = `${manifest.content} ${manifest.specId}`
      groups.set(key, [...(groups.get(key) ?? []), manifest])
    }
    const manifests: AnyManifest[] = []
    for (const group of groups.values()) {
      const target = targetBytes ?? manifestMerging(attempt.metadata.properties).targetBytes
      manifests.push(...(await clusterManifests(attempt, group, { clusterBy, targetBytes: target })))
    }
    return { sources: new Set(selected.map((manifest) => manifest.path)), manifests }
  }
}
