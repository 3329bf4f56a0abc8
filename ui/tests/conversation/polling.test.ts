import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { nextPollMillis, startPolling, type Poller } from '@/features/conversation/polling'
import type { MessagePage } from '@/api/types'
import { json, problem, question, stubApi } from '../support'

let poller: Poller | undefined
beforeEach(() => void vi.useFakeTimers())
afterEach(() => {
  poller?.stop()
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe('polling', () => {
  const page: MessagePage = { items: [question('q', 'Hi')], versions: {} }

  it('is quick after news, slower without, never slower than 10 s', () => {
    expect(nextPollMillis(undefined, false)).toBe(2_000)
    expect(nextPollMillis(8_000, true)).toBe(2_000)
    expect(nextPollMillis(2_000, false)).toBe(2_800)
    expect(nextPollMillis(9_000, false)).toBe(10_000)
  })

  it('asks with the tag of the page it has, and takes a 304 for no news', async () => {
    const requests = stubApi((_, index) => (index === 0 ? json(200, page, { ETag: '"1"' }) : new Response(null, { status: 304 })))
    const pages: MessagePage[] = []
    poller = startPolling('chat', (news) => pages.push(news), () => undefined)
    await vi.advanceTimersByTimeAsync(2_000)
    expect(requests.map((request) => request.headers.get('if-none-match'))).toEqual([null, '"1"'])
    expect(pages).toEqual([page])
    poller.wake()
    await vi.advanceTimersByTimeAsync(0)
    expect(requests).toHaveLength(3)
    poller.stop()
    await vi.advanceTimersByTimeAsync(60_000)
    expect(requests).toHaveLength(3)
  })

  it('goes on over outages, and ends when the chat is gone', async () => {
    const requests = stubApi((_, index) => (index < 3 ? problem(503) : problem(404)))
    const gone = vi.fn()
    poller = startPolling('chat', () => undefined, gone)
    await vi.advanceTimersByTimeAsync(120_000)
    expect(requests).toHaveLength(4)
    expect(gone).toHaveBeenCalledOnce()
  })
})
