// What the page costs in Chromium, on a running Parley with the fake Gemini: `./parley bench ui` starts both.
// Prints a table of goals and figures; exits with 1 when a goal is missed.
import { randomUUID } from 'node:crypto'
import { accessSync, constants } from 'node:fs'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import { chromium } from 'playwright-core'

const base = process.argv[2] ?? 'http://127.0.0.1:8000'
const patienceMillis = 120_000
const messagesOfLongChat = 1_000
const closedChats = 10
const scrolledFrames = 600
const longFrameMillis = 50
const wordsStreamed = 20_000
const openings = 5

const figures = []
/** Takes a figure down. `most` is its goal; without one it is only told. */
function figure(name, value, show, most) {
  figures.push({ name, shown: show(value), goal: most === undefined ? '' : `≤ ${show(most)}`, met: most === undefined || value <= most })
}
const count = (value) => Math.round(value).toLocaleString('en')
const kilobytes = (value) => `${(value / 1000).toFixed(1)} kB`
const millis = (value) => `${count(value)} ms`
const percent = (value) => `${(value * 100).toFixed(1)} %`
const megabytes = (value) => `${(value / 1e6).toFixed(1)} MB`
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]

function browserOnPath() {
  for (const folder of (process.env.PATH ?? '').split(path.delimiter)) {
    for (const name of ['chromium', 'chromium-browser', 'google-chrome']) {
      const program = path.join(folder, name)
      try {
        accessSync(program, constants.X_OK)
        return program
      } catch {
        // Not there.
      }
    }
  }
  throw new Error('no Chromium on the PATH: apt-get install chromium')
}

const answerText = (n) => `## Answer ${n}

A paragraph with **bold**, *italic*, \`code\` and a [link](https://example.org/${n}). ${'It goes on for a line or two, as answers do. '.repeat(4)}

- first point of ${n}
- second point, with a nested list
  - deeper

| limit | value |
|---|---:|
| calls per minute | ${n} |
| calls per day | ${n * 100} |

\`\`\`java
record Window(Duration length, int most) {
    boolean allows(int calls) { return calls < most; }
}
\`\`\`
${n % 5 === 0 ? '\nAnd $$\\int_0^1 x^2\\,dx = \\tfrac13$$ in passing.\n' : ''}`

/** Makes a chat of so many messages, questions and answers in turn. */
async function importChat(title, length) {
  const messages = []
  for (let n = 0; n < length; n += 1) {
    const role = n % 2 === 0 ? 'user' : 'assistant'
    messages.push({
      id: randomUUID(),
      ...(n === 0 ? {} : { parentId: messages[n - 1].id }),
      role,
      content: role === 'user' ? `Question ${n}: how does it go on, and why?` : answerText(n),
      ...(role === 'assistant' ? { status: 'completed', model: 'bench' } : {}),
    })
  }
  const response = await fetch(`${base}/api/chats/import`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ format: 'parley-chat', version: 1, title, messages }),
  })
  if (!response.ok) throw new Error(`the import of a chat failed: ${response.status} ${await response.text()}`)
  return (await response.json()).id
}

const browser = await chromium.launch({
  executablePath: browserOnPath(),
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
})

async function openPage() {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, serviceWorkers: 'block' })
  context.setDefaultTimeout(patienceMillis)
  const page = await context.newPage()
  const cdp = await context.newCDPSession(page)
  await cdp.send('Performance.enable', { timeDomain: 'timeTicks' })
  return { context, page, cdp }
}

async function metric(cdp, name) {
  const { metrics } = await cdp.send('Performance.getMetrics')
  return metrics.find((each) => each.name === name).value
}

/** What is in use after everything that can be freed has been. */
async function heap(cdp) {
  for (let times = 0; times < 3; times += 1) await cdp.send('HeapProfiler.collectGarbage')
  return metric(cdp, 'JSHeapUsedSize')
}

const lastAnswer = '[data-testid=message][data-role=assistant] [data-testid=answer-text] .prose :is(p, h2)'

/** Milliseconds from a click on the chat in the list until its end is drawn as Markdown. */
async function openByClick(page, id) {
  return page.evaluate(
    ({ id, drawn }) =>
      new Promise((resolve) => {
        const begun = performance.now()
        document.querySelector(`[data-testid=chat-item][data-id="${id}"] a`).click()
        const look = () => {
          if (location.pathname.endsWith(id) && document.querySelector(drawn)) requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - begun)))
          else requestAnimationFrame(look)
        }
        requestAnimationFrame(look)
      }),
    { id, drawn: lastAnswer },
  )
}

async function toNewChat(page) {
  await page.getByTestId('new-chat').click()
  await page.waitForSelector('[data-testid=conversation]', { state: 'detached' })
}

async function firstScreen() {
  const { context, page } = await openPage()
  const loaded = []
  page.on('response', (response) => {
    if (['script', 'stylesheet'].includes(response.request().resourceType())) loaded.push(response)
  })
  await page.goto(base)
  await page.getByTestId('composer').waitFor()
  const sizes = await Promise.all([...loaded].map(async (response) => gzipSync(await response.body()).length))
  figure('first screen, JavaScript and CSS (gzip)', sizes.reduce((sum, size) => sum + size, 0), kilobytes, 100_000)
  await context.close()
}

async function longChat() {
  const id = await importChat(`A chat of ${messagesOfLongChat} messages`, messagesOfLongChat)
  const { context, page, cdp } = await openPage()
  await page.goto(base)
  await page.waitForSelector(`[data-testid=chat-item][data-id="${id}"]`)
  // As somebody who has looked at the page for a moment.
  await page.waitForTimeout(2_500)
  const times = []
  for (let n = 0; n < openings; n += 1) {
    times.push(await openByClick(page, id))
    await toNewChat(page)
  }
  figure(`a chat of ${count(messagesOfLongChat)} messages opens, first time`, times[0], millis, 1_000)
  figure(`… median of ${openings}`, median(times), millis, 1_000)
  const begun = Date.now()
  await page.goto(`${base}/chats/${id}`)
  await page.waitForSelector(lastAnswer)
  figure('… by its address, the page itself loaded with it', Date.now() - begun, millis)
  await page.waitForTimeout(1_000)
  const busy = await metric(cdp, 'TaskDuration')
  const { frames, nodes } = await page.evaluate(
    (frameCount) =>
      new Promise((resolve) => {
        const box = document.querySelector('[data-testid=conversation]')
        const frames = []
        let nodes = 0
        let before = performance.now()
        function step(now) {
          frames.push(now - before)
          before = now
          box.scrollTop -= 100
          if (frames.length % 10 === 0) {
            let all = 0
            for (const walker = document.createTreeWalker(document, NodeFilter.SHOW_ALL); walker.nextNode(); ) all += 1
            nodes = Math.max(nodes, all)
          }
          if (frames.length < frameCount) requestAnimationFrame(step)
          else resolve({ frames: frames.slice(1), nodes })
        }
        requestAnimationFrame(step)
      }),
    scrolledFrames,
  )
  const took = frames.reduce((sum, frame) => sum + frame, 0)
  const long = frames.filter((frame) => frame > longFrameMillis).length
  figure('… DOM nodes at most while it is scrolled', nodes, count, 3_000)
  figure(`… frames over ${longFrameMillis} ms of ${count(frames.length)}, at 100 pixels a frame`, long, count, Math.floor(frames.length / 20))
  figure('… frames a second', frames.length / (took / 1000), count)
  figure('… main thread busy while it is scrolled', (await metric(cdp, 'TaskDuration') - busy) / (took / 1000), percent)
  await context.close()
}

async function longAnswer() {
  const { context, page, cdp } = await openPage()
  await page.goto(base)
  // About 60 characters every 20 ms, which is several times as fast as models write.
  await page.getByTestId('composer').fill('Write a book. [[fake size=112000 chunk=20ms]]')
  await page.getByTestId('send').click()
  await page.waitForSelector('[data-testid=message][data-role=assistant][data-status=generating] [data-testid=answer-text]')
  const [busy, own, begun] = [await metric(cdp, 'TaskDuration'), await metric(cdp, 'ThreadTime'), await metric(cdp, 'Timestamp')]
  await page.waitForSelector('[data-testid=message][data-role=assistant][data-status=completed]')
  const [after, ownAfter, ended] = [await metric(cdp, 'TaskDuration'), await metric(cdp, 'ThreadTime'), await metric(cdp, 'Timestamp')]
  const chat = new URL(page.url()).pathname.split('/').at(-1)
  const { items } = await (await fetch(`${base}/api/chats/${chat}/messages`)).json()
  const words = items.at(-1).content.split(/\s+/).length
  if (words < wordsStreamed) throw new Error(`the streamed answer had only ${words} words`)
  figure(`main thread busy while ${count(words)} words stream in ${count(ended - begun)} s`, (after - busy) / (ended - begun), percent, 0.3)
  figure('… of that on a processor, the rest waiting for one', (ownAfter - own) / (ended - begun), percent)
  await context.close()
}

async function manyChats() {
  const ids = []
  for (let n = 0; n <= closedChats; n += 1) ids.push(await importChat(`Chat ${n}`, 60))
  const { context, page, cdp } = await openPage()
  await page.goto(base)
  await page.waitForSelector(`[data-testid=chat-item][data-id="${ids[closedChats]}"]`)
  const visit = async (id) => {
    await openByClick(page, id)
    // What is loaded lazily, and drawn after it.
    await page.waitForTimeout(1_000)
    await toNewChat(page)
    await page.waitForTimeout(300)
  }
  // What is loaded only once is no leak: the first chat is the start.
  await visit(ids[0])
  const before = await heap(cdp)
  for (const id of ids.slice(1)) await visit(id)
  const after = await heap(cdp)
  figure(`heap after ${closedChats} chats opened and closed, from ${megabytes(before)}`, after, megabytes, before * 1.2)
  await context.close()
}

try {
  for (const part of [firstScreen, longChat, longAnswer, manyChats]) await part()
} finally {
  await browser.close()
}
console.log(`\nThe page in Chromium, 1280 × 800, everything on this machine`)
const width = Math.max(...figures.map(({ name }) => name.length))
console.log(`${''.padEnd(width)}  ${'measured'.padStart(10)}  ${'goal'.padStart(12)}`)
for (const { name, shown, goal, met } of figures) console.log(`${name.padEnd(width)}  ${shown.padStart(10)}  ${goal.padStart(12)}${met ? '' : '  MISSED'}`)
process.exit(figures.every(({ met }) => met) ? 0 : 1)
