// Builds the service worker: writes the files of the shell, and a version made of them, into worker.js.
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Plugin } from 'vite'

/** Loaded only by those who need them, and kept from then on: too heavy to be fetched by everybody. */
const heavy = /\/(?:diagram|katex|highlight)\.ts$/

export function serviceWorker(): Plugin {
  const publicFiles = readdirSync(fileURLToPath(new URL('../public', import.meta.url))).map((name) => `/${name}`)
  return {
    name: 'parley-service-worker',
    apply: 'build',
    generateBundle(_, bundle) {
      const files = new Set<string>()
      const take = (name: string): void => {
        const chunk = bundle[name]
        if (files.has(name) || chunk?.type !== 'chunk' || heavy.test(chunk.facadeModuleId ?? '')) return
        files.add(name)
        for (const style of (chunk as { viteMetadata?: { importedCss?: Set<string> } }).viteMetadata?.importedCss ?? []) files.add(style)
        chunk.imports.forEach(take)
        chunk.dynamicImports.forEach(take)
      }
      for (const [name, chunk] of Object.entries(bundle)) if (chunk.type === 'chunk' && chunk.isEntry) take(name)
      const shell = ['/index.html', ...publicFiles, ...[...files].map((name) => `/${name}`)]
      const version = createHash('sha256')
      version.update(JSON.stringify(shell))
      for (const file of publicFiles) version.update(readFileSync(fileURLToPath(new URL(`../public${file}`, import.meta.url))))
      const source = readFileSync(fileURLToPath(new URL('worker.js', import.meta.url)), 'utf8')
        .replace("'VERSION'", JSON.stringify(version.digest('hex').slice(0, 12)))
        .replace("['SHELL']", JSON.stringify(shell))
      this.emitFile({ type: 'asset', fileName: 'sw.js', source })
    },
  }
}
