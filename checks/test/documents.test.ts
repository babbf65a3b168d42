import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { root } from '../src/workspace.ts'

const documents = globSync(['*.md', '{docs,bench,fixtures}/*.md', '{packages,apps}/*/*.md'], { cwd: root })

test('the link check looks at the README, docs/ and the packages', () => {
  expect(documents).toEqual(
    expect.arrayContaining(['README.md', join('docs', 'architecture.md'), join('packages', 'journal', 'README.md')]),
  )
})

test.each(documents)('%s links only to files and headings that exist', (document) => {
  const text = readFileSync(join(root, document), 'utf8').replaceAll(/^```.*?^```$/gms, '')
  const broken: string[] = []
  for (const [, target = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^https?:/.test(target)) continue
    const [path = '', anchor] = target.split('#')
    const file = path === '' ? join(root, document) : resolve(root, dirname(document), path)
    if (!existsSync(file) || (anchor !== undefined && !headings(file).includes(anchor))) broken.push(target)
  }
  expect(broken).toEqual([])
})

test('docs/operations.md names only error codes that there are', () => {
  const sources = globSync('packages/*/src/**/errors.ts', { cwd: root }).map((file) =>
    readFileSync(join(root, file), 'utf8'),
  )
  const known = new Set(sources.flatMap((text) => [...text.matchAll(/\| '([a-z-]+)'/g)].map(([, code]) => code)))
  const table = readFileSync(join(root, 'docs/operations.md'), 'utf8').split('## When a run stops')[1] ?? ''
  const named = [...table.matchAll(/^\| (`[^|]*) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([a-z-]+)`/g)].map(([, code]) => code),
  )
  expect(named.length).toBeGreaterThan(20)
  // `no-space` of an Iceberg file is a reason, not a code.
  expect(named.filter((code) => !known.has(code) && code !== 'no-space')).toEqual([])
})

/** The anchors that GitHub gives to a document's headings. */
function headings(file: string): readonly string[] {
  return [...readFileSync(file, 'utf8').matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}
