// @vitest-environment node
// The built page; skipped when it has not been built.
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'

const dist = fileURLToPath(new URL('../dist/', import.meta.url))
const built = existsSync(`${dist}index.html`)
const budgetBytes = 100_000
if (!built) console.warn('Skipped: dist/ is absent, run `npm run build` to have the built page tested.')

describe.skipIf(!built)('the built page', () => {
  const html = built ? readFileSync(`${dist}index.html`, 'utf8') : ''
  const tags = Array.from(html.matchAll(/<(script|link)\b([^>]*)>/g), (match) => ({ name: match[1] ?? '', attributes: match[2] ?? '' }))
  const addressOf = (attributes: string) => /\b(?:src|href)="([^"]+)"/.exec(attributes)?.[1]

  it('loads at most 100 kB of compressed JS and CSS for its first screen', () => {
    const first = tags
      .filter(({ name, attributes }) => name === 'script' || /rel="(?:modulepreload|stylesheet)"/.test(attributes))
      .flatMap(({ attributes }) => addressOf(attributes) ?? [])
    expect(first.some((address) => address.endsWith('.js'))).toBe(true)
    expect(first.some((address) => address.endsWith('.css'))).toBe(true)
    const bytes = first.reduce((sum, address) => sum + gzipSync(readFileSync(dist + address)).length, 0)
    expect(bytes).toBeLessThanOrEqual(budgetBytes)
  })

  it('has no inline script, style or handler, and loads nothing from elsewhere', () => {
    for (const { name, attributes } of tags) {
      const address = addressOf(attributes)
      if (name === 'script') expect(address).toBeDefined()
      if (address !== undefined) expect(address).toMatch(/^\/(?!\/)/)
    }
    expect(html).not.toMatch(/<style\b|\sstyle=|\son\w+=|javascript:/i)
  })
})
