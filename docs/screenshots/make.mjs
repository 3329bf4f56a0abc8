// Takes the pictures of docs/ and README from a running Parley with an empty data folder and the fake Gemini:
//   PARLEY_DATA=$(mktemp -d) ./parley run, then: node docs/screenshots/make.mjs [http://localhost:8000]
import { randomUUID } from 'node:crypto'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const { chromium } = createRequire(new URL('../../ui/package.json', import.meta.url))('playwright-core')
const base = process.argv[2] ?? 'http://localhost:8000'
const here = path.dirname(fileURLToPath(import.meta.url))
const hour = 3_600_000

async function post(address, body) {
  const response = await fetch(base + address, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) })
  if (!response.ok) throw new Error(`${address}: ${response.status} ${await response.text()}`)
  return response.json()
}

/** Makes a chat of questions and answers in turn, the last of which was said so many hours ago. */
async function talk(title, hoursAgo, turns, change = {}) {
  const messages = []
  turns.forEach((content, n) => {
    const at = new Date(Date.now() - hoursAgo * hour - (turns.length - n) * 40_000).toISOString()
    const answer = n % 2 === 1
    messages.push({
      id: randomUUID(),
      ...(n === 0 ? {} : { parentId: messages[n - 1].id }),
      role: answer ? 'assistant' : 'user',
      content,
      createdAt: at,
      ...(answer ? { status: 'completed', model: 'gemini-3.8-flash', completedAt: new Date(Date.parse(at) + 6_400).toISOString(), usage: { inputTokens: 412, outputTokens: 287 } } : {}),
    })
  })
  const chat = await post('/api/chats/import', { format: 'parley-chat', version: 1, title, createdAt: messages[0].createdAt, messages })
  if (Object.keys(change).length > 0) {
    await fetch(`${base}/api/chats/${chat.id}`, { method: 'PATCH', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(change) })
  }
  return chat.id
}

const outbox = `The row and the message are written in **one transaction**, so there is never one without the other:

1. The API stores the message and a row in the \`outbox\` table, and commits.
2. A relay publishes the row and waits for the broker's confirm.
3. Only then the row goes. A crash in between sends it twice, never not at all.

\`\`\`sql
WITH sent AS (
  INSERT INTO messages (id, content) VALUES ($1, $2) RETURNING id
)
INSERT INTO outbox (message_id) SELECT id FROM sent;
\`\`\`

| crash after | what is left | what follows |
|---|---|---|
| the commit | a row | it is published |
| the publish | a row | it is published again |
| the confirm | nothing | done |

With \\(n\\) relays the wait is about \\(t/n\\), as each takes its own rows (\`SKIP LOCKED\`).`

await talk('Trip to Lisbon in May', 900, ['What should I see in Lisbon in three days?', 'Alfama, Belém and a day in Sintra.'])
await talk('Сравнение способов резервного копирования', 500, ['Сравни способы резервного копирования', 'Снимки, копии и репликация.'])
await talk('Regular expressions for log lines', 120, ['A regular expression for our log lines?', 'Use named groups.'], { folder: 'Work' })
await talk('Birthday speech for Anna', 75, ['Help me with a speech', 'Begin with a story.'])
await talk('Kubernetes: why does my pod restart?', 30, ['Why does my pod restart?', 'Look at the last state: the relay ran out of memory.'], { folder: 'Work' })
await talk('Bread with a long rise', 26, ['A bread recipe', 'Flour, water, salt and time.'])
await talk('Meeting notes to a clear e-mail', 3, ['Turn these notes into an e-mail', 'Dear all, …'], { pinned: true })
const main = await talk('How an outbox keeps messages safe', 0, ['How does an outbox keep a message from getting lost?', outbox])
for (const [name, text, variables] of [
  ['Explain like to a colleague', 'Explain {{topic}} to a colleague from another team, in {{length}}.', [{ name: 'topic' }, { name: 'length', type: 'choice', choices: ['three sentences', 'one page'], default: 'three sentences' }]],
  ['Review this code', 'Review this code for {{focus}}:\n\n{{code}}', [{ name: 'focus', default: 'correctness' }, { name: 'code', type: 'long' }]],
  ['Translate', 'Translate to {{language}}:\n\n{{text}}', [{ name: 'language', type: 'choice', choices: ['English', 'Russian', 'German'], default: 'English' }, { name: 'text', type: 'long' }]],
]) await post('/api/prompts', { name, text, variables })
const marker = ' [[fake status=503]]'
await post(`/api/chats/${main}/messages`, { content: `And when the model is overloaded?${marker}` })

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking'],
})

const desk = { width: 1280, height: 800 }
const phone = { width: 390, height: 844, touch: true }

/** Takes one picture, in light and dark. */
async function picture(name, { touch = false, ...viewport }, address, prepare) {
  for (const colorScheme of ['light', 'dark']) {
    const context = await browser.newContext({ viewport, colorScheme, hasTouch: touch, isMobile: touch, locale: 'en-GB', reducedMotion: 'reduce', serviceWorkers: 'block' })
    context.setDefaultTimeout(60_000)
    const page = await context.newPage()
    await page.goto(base + address)
    await page.getByTestId('composer').or(page.getByRole('heading', { name: 'Operations' })).first().waitFor()
    await prepare?.(page)
    await page.waitForLoadState('networkidle', { timeout: 2_000 }).catch(() => undefined)
    // What tells the fake to fail is no part of a conversation.
    await page.evaluate((text) => {
      for (const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT); walker.nextNode(); ) {
        walker.currentNode.data = walker.currentNode.data.replace(text, '')
      }
    }, marker)
    await page.screenshot({ path: path.join(here, `${name}-${colorScheme}.png`) })
    await context.close()
  }
}

const retrying = async (page) => {
  await page.waitForSelector('[data-status=retrying] [data-testid=status-line]')
  await page.waitForSelector('.katex-html')
}
await picture('conversation', desk, `/chats/${main}`, retrying)
await picture('new-chat', desk, '/')
await picture('search', desk, `/chats/${main}`, async (page) => {
  await retrying(page)
  await page.keyboard.press('Control+k')
  await page.getByTestId('palette-field').fill('relay')
  await page.waitForSelector('[data-testid=palette-entry] mark')
})
await picture('template', desk, '/', async (page) => {
  await page.getByTestId('prompts').click()
  await page.getByTestId('prompt-item').nth(1).getByRole('button').first().click()
  await page.getByTestId('variable-code').fill('record Window(Duration length, int most) {}')
})
await picture('phone', phone, `/chats/${main}`, retrying)
await picture('phone-chats', phone, `/chats/${main}`, async (page) => {
  await page.getByTestId('drawer').click()
  await page.getByTestId('chat-item').first().waitFor()
})
await browser.close()
