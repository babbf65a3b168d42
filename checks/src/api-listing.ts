import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CompilerState, Extractor, ExtractorConfig, ExtractorLogLevel } from '@microsoft/api-extractor'
import { publishablePackages, root, type WorkspacePackage } from './workspace.ts'

/** What the built declarations of one package export. */
export interface ApiListing {
  /** The package's name without its scope. */
  readonly shortName: string
  /** Where the listing is committed. */
  readonly path: string
  readonly text: string
  /** `<entry point>: <type>` for each type that an exported signature mentions and the package does not export. */
  readonly forgotten: readonly string[]
}

interface EntryPoint {
  readonly pkg: WorkspacePackage
  /** As it is imported, e.g. `@icebridge/fileio/s3`. */
  readonly specifier: string
  readonly declarations: string
}

/** Lists the exports of every entry point of every publishable package, from the declarations that the build left in `dist`. */
export async function apiListings(): Promise<readonly ApiListing[]> {
  const entries = publishablePackages().flatMap(entryPoints)
  const folder = await mkdtemp(join(tmpdir(), 'icebridge-api-'))
  try {
    const configs = new Map(entries.map((entry) => [entry, extractorConfig(entry, folder)]))
    const [first] = configs.values()
    if (first === undefined) throw new Error('no package has an entry point with types')
    // One program for all of them: most of the time goes into the declarations that they share.
    const compilerState = CompilerState.create(first, {
      additionalEntryPoints: entries.map((entry) => entry.declarations),
    })
    const reports = new Map<EntryPoint, string>()
    for (const [entry, config] of configs) {
      Extractor.invoke(config, {
        compilerState,
        localBuild: true,
        messageCallback: (message) => {
          message.handled = message.logLevel !== ExtractorLogLevel.Error
        },
      })
      reports.set(entry, await readFile(config.reportFilePath, 'utf8'))
    }
    return [...Map.groupBy(entries, (entry) => entry.pkg)].map(([pkg, of]) => listing(pkg, of, reports))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function entryPoints(pkg: WorkspacePackage): readonly EntryPoint[] {
  return Object.entries(pkg.manifest.exports ?? {}).flatMap(([subpath, target]) => {
    if (typeof target === 'string' || target.types === undefined) return []
    return [{ pkg, specifier: pkg.manifest.name + subpath.slice(1), declarations: join(pkg.folder, target.types) }]
  })
}

function extractorConfig({ pkg, specifier, declarations }: EntryPoint, folder: string): ExtractorConfig {
  const compilerOptions = {
    target: 'es2024',
    lib: ['es2024', 'esnext.disposable'],
    types: ['node'],
    module: 'nodenext',
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: true,
    noEmit: true,
  }
  const silent = { default: { logLevel: ExtractorLogLevel.None } }
  return ExtractorConfig.prepare({
    configObject: {
      projectFolder: pkg.folder,
      mainEntryPointFilePath: declarations,
      compiler: { overrideTsconfig: { compilerOptions, files: [declarations] } },
      apiReport: {
        enabled: true,
        reportFolder: folder,
        reportTempFolder: join(folder, 'temp'),
        reportFileName: specifier.replace('@', '').replaceAll('/', '-'),
        // Classes inherit from bases that are not exported; their members count.
        includeForgottenExports: specifier === pkg.manifest.name,
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      newlineKind: 'lf',
      messages: {
        extractorMessageReporting: {
          ...silent,
          'ae-forgotten-export': { logLevel: ExtractorLogLevel.Warning, addToApiReportFile: true },
        },
        tsdocMessageReporting: silent,
        compilerMessageReporting: { default: { logLevel: ExtractorLogLevel.Error } },
      },
    },
    configObjectFullPath: undefined,
    packageJsonFullPath: join(pkg.folder, 'package.json'),
  })
}

function listing(
  { shortName, manifest }: WorkspacePackage,
  entries: readonly EntryPoint[],
  reports: ReadonlyMap<EntryPoint, string>,
): ApiListing {
  const parts = entries.map((entry) => ({ entry, report: code(reports.get(entry) ?? '') }))
  const exported = new Set(parts.flatMap(({ report }) => exportedNames(report)))
  const sections = parts.map(
    ({ entry, report }) => `## ${entry.specifier}\n\n\`\`\`ts\n${withoutRemarks(report)}\n\`\`\`\n`,
  )
  return {
    shortName,
    path: join(root, 'etc', `${shortName}.api.md`),
    text: [
      `# Exports of ${manifest.name}\n`,
      'Written by `npm run api` from the built declarations.\n',
      ...sections,
    ].join('\n'),
    forgotten: parts.flatMap(({ entry, report }) =>
      forgottenNames(report)
        .filter((name) => !exported.has(name))
        .map((name) => `${entry.specifier}: ${name}`),
    ),
  }
}

/** The TypeScript of a report: its imports and exports, and the abstract classes that exported ones inherit from. */
function code(report: string): string {
  const text = /^```ts\n(.*)^```$/ms.exec(report)?.[1]?.trim() ?? ''
  const declarations = text.split(/\n\n(?=\S)/)
  return declarations.filter((declaration) => /^(?:export|import|abstract class) /m.test(declaration)).join('\n\n')
}

function exportedNames(report: string): readonly string[] {
  return [
    ...report.matchAll(/^export (?:declare |abstract |const |class |interface |type |function |enum )+(\w+)/gm),
  ].map(([, name = '']) => name)
}

/** What the report says is not exported, but for what only `@internal` members mention and for bases that nobody names. */
function forgottenNames(report: string): readonly string[] {
  const names: string[] = []
  for (const [, comment = '', declaration = ''] of report.matchAll(/((?:^ *\/\/.*\n)+)(.*)/gm)) {
    if (comment.includes('@internal')) continue
    for (const [, name = ''] of comment.matchAll(/\(ae-forgotten-export\) The symbol "(\w+)"/g)) {
      const isBase = new RegExp(`^(?:export )?(?:abstract )?class .* extends ${name}\\b`).test(declaration)
      if (!isBase || !new RegExp(`^abstract class ${name}\\b`, 'm').test(report)) names.push(name)
    }
  }
  return names
}

/** Drops what changes when lines move, and the marks of members without comments. */
function withoutRemarks(report: string): string {
  return report
    .replaceAll(/^ *\/\/ (?:\(undocumented\)|Warning: .*|\(No @packageDocumentation.*|src\/\S+ - \(.*)\n?/gm, '')
    .replaceAll(/^ *\/\/\n/gm, '')
    .replaceAll(/^ *\/\/ (@\w+) \(undocumented\)$/gm, (line, tag: string) => line.replace(`${tag} (undocumented)`, tag))
    .replaceAll(/\n{3,}/g, '\n\n')
    .trim()
}
