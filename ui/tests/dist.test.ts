// @vitest-environment node
// The built page; skipped when it has not been built.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
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
    // The texts of one language belong to the first screen too, though no tag names them.
    const languages = readdirSync(`${dist}assets`).filter((name) => /^(?:en|ru)-.*\.js$/.test(name))
    expect(languages).toHaveLength(2)
    const sizeOf = (path: string) => gzipSync(readFileSync(dist + path)).length
    const texts = Math.max(...languages.map((name) => sizeOf(`assets/${name}`)))
    const bytes = first.reduce((sum, address) => sum + sizeOf(address), texts)
    console.info(`The first screen is ${bytes} bytes of JS and CSS, compressed.`)
    expect(bytes).toBeLessThanOrEqual(budgetBytes)
  })

  it('keeps its shell for a start without a network, but nothing heavy', () => {
    const worker = readFileSync(`${dist}sw.js`, 'utf8')
    const shell = JSON.parse(/const shell = (\[.*\])/.exec(worker)?.[1] ?? '[]') as string[]
    for (const path of ['/index.html', '/first-paint.js', '/manifest.webmanifest']) expect(shell).toContain(path)
    for (const part of ['index', 'en', 'ru', 'MessageList', 'engine', 'PromptDialog', 'CommandPalette']) {
      expect(shell.some((path) => path.startsWith(`/assets/${part}-`)), part).toBe(true)
    }
    for (const path of shell) expect(existsSync(dist + path), path).toBe(true)
    const bytes = shell.reduce((sum, path) => sum + gzipSync(readFileSync(dist + path)).length, 0)
    expect(bytes).toBeLessThanOrEqual(350_000)
    expect(worker).not.toContain("'VERSION'")
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
