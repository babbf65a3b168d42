import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { expect, test } from 'vitest'
import { publishablePackages } from '../src/workspace.ts'

test.each(publishablePackages())('publint finds nothing to say of $shortName', async ({ folder, manifest }) => {
  const { messages, pkg } = await publint({ pkgDir: folder, level: 'suggestion', pack: 'pnpm' })
  expect(pkg['name']).toBe(manifest.name)
  expect(messages.map((message) => formatMessage(message, pkg, { color: false }))).toEqual([])
})
