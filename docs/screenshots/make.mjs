// Takes the README's pictures from a running Parley: ./parley run, then
//   npx --yes -p playwright-core node docs/screenshots/make.mjs [http://localhost:8000]
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import path from 'node:path'

const require = createRequire(path.join(process.cwd(), 'package.json'))
const { chromium } = require('playwright-core')
const base = process.argv[2] ?? 'http://localhost:8000'
const here = path.dirname(fileURLToPath(import.meta.url))
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking'],
})

async function open(width, height, colorScheme) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme })
  return context.newPage()
}

const first = await open(1280, 800, 'light')
await first.goto(base)
await first.getByTestId('composer').fill('Explain in a few words how an outbox keeps a message from getting lost.')
await first.getByTestId('send').click()
await first.waitForSelector('[data-testid=message][data-role=assistant][data-status=completed]')
await first.getByTestId('composer').fill('And when the model is overloaded? [[fake status=503]]')
await first.getByTestId('send').click()
await first.waitForSelector('[data-testid=message][data-role=assistant][data-status=retrying]')
const url = first.url()
for (const [width, height, size] of [[1280, 800, 'conversation'], [390, 844, 'phone']]) {
  for (const scheme of ['light', 'dark']) {
    const page = await open(width, height, scheme)
    await page.goto(url)
    await page.waitForSelector('[data-status=retrying]')
    await page.evaluate(() => document.fonts.ready)
    await page.waitForTimeout(500)
    await page.screenshot({ path: path.join(here, `${size}-${scheme}.png`) })
  }
}
await browser.close()
