import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { output, runProcess } from './run-process.ts'
import { root } from './workspace.ts'

const pnpm = join(root, 'node_modules/pnpm/bin/pnpm.cjs')
const tsc = join(root, 'node_modules/typescript/bin/tsc')

/** An empty project that gets packages from their tarballs and one TypeScript file. */
export interface PackedProject {
  /** Folder name, unique among the projects. */
  readonly name: string
  /** Our packages that it installs, with their scope; nothing else can be imported. */
  readonly installs: readonly string[]
  /** File name and text of its program. */
  readonly program?: { readonly file: string; readonly text: string }
}

/**
 * Packs the given packages and installs them from their tarballs into projects of their own below `folder`. Dependencies are
 * linked strictly: a package that imports what it does not declare fails.
 */
export async function installPacked(
  folder: string,
  packages: readonly string[],
  projects: readonly PackedProject[],
): Promise<void> {
  const tarballs = await pack(join(folder, 'tarballs'), packages)
  const overrides = [...tarballs].map(([name, path]) => `  ${JSON.stringify(name)}: ${JSON.stringify(`file:${path}`)}`)
  const settings = ['packages: [projects/*]', 'hoist: false', 'strictDepBuilds: false', 'overrides:', ...overrides, '']
  await writeFile(join(folder, 'pnpm-workspace.yaml'), settings.join('\n'))
  await writeJson(join(folder, 'package.json'), {
    name: 'packed',
    private: true,
    devDependencies: { '@types/node': '*' },
  })
  await writeJson(join(folder, 'tsconfig.json'), tsconfig)
  for (const { name, installs, program } of projects) {
    const project = join(folder, 'projects', name)
    await mkdir(project, { recursive: true })
    const dependencies = Object.fromEntries(installs.map((dependency) => [dependency, '*']))
    await writeJson(join(project, 'package.json'), { name, private: true, type: 'module', dependencies })
    if (program !== undefined) await writeFile(join(project, program.file), program.text)
  }
  await output(process.execPath, [pnpm, 'install', '--prefer-offline', '--no-frozen-lockfile'], { cwd: folder })
}

/** Compiles every project's program against the declarations that the tarballs carry; gives the compiler's messages by project. */
export async function compilePacked(folder: string): Promise<ReadonlyMap<string, readonly string[]>> {
  const { stdout } = await runProcess(process.execPath, [tsc, '-p', folder, '--pretty', 'false'], { cwd: folder })
  const lines = stdout.split('\n').filter((line) => line.trim() !== '')
  return Map.groupBy(lines, (line) => /^projects\/([^/]+)\//.exec(line)?.[1] ?? '')
}

async function pack(folder: string, packages: readonly string[]): Promise<ReadonlyMap<string, string>> {
  await mkdir(folder, { recursive: true })
  const filters = packages.flatMap((name) => ['--filter', name])
  await output(process.execPath, [pnpm, '-r', ...filters, 'pack', '--pack-destination', folder], { cwd: root })
  const files = await readdir(folder)
  const tarball = (name: string): string => {
    const prefix = `${name.replace('@', '').replace('/', '-')}-`
    const file = files.find((candidate) => candidate.startsWith(prefix) && /^\d/.test(candidate.slice(prefix.length)))
    if (file === undefined) throw new Error(`${name} was not packed; found ${files.join(', ')}`)
    return join(folder, file)
  }
  return new Map(packages.map((name) => [name, tarball(name)]))
}

/** Strict, and down to what the oldest promised Node runs. */
const tsconfig = {
  compilerOptions: {
    target: 'es2024',
    lib: ['es2024', 'esnext.disposable'],
    types: ['node'],
    module: 'nodenext',
    strict: true,
    skipLibCheck: true,
  },
  include: ['projects/*/*.ts'],
}

async function writeJson(path: string, value: unknown): Promise<void> {
  await writeFile(path, `${JSON.stringify(value, null, 2)}\n`)
}
