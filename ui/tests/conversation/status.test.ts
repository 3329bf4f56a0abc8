import { describe, expect, it } from 'vitest'
import { allWell, announcement, statusLine, type Situation } from '@/features/conversation/status'
import { setLanguage } from '@/i18n'
import type { Message } from '@/api/types'
import { at, message } from '../support'

const now = Date.parse(at)
const inSeconds = (seconds: number) => new Date(now + seconds * 1000).toISOString()
const busy = { type: 'urn:x', title: 'Gemini is busy.', detail: 'It answered 503.' }

describe('the line of an answer', () => {
  it.each<[string, Partial<Message>]>([
    ['In the queue', {}],
    ['Waits for the answer above', { waitsFor: 'a0', expectedAt: inSeconds(40) }],
    ['Waits for its turn under the quota · expected in about 40 s', { expectedAt: inSeconds(40) }],
    ['Waits for its turn under the quota · 1,200 ahead · expected in about 40 s', { expectedAt: inSeconds(40), ahead: 1200 }],
    ['Waits for its turn under the quota · next in line · expected in about 40 s', { expectedAt: inSeconds(40), ahead: 0 }],
    ['Waits for its turn under the quota · expected any moment', { expectedAt: inSeconds(-1) }],
    ['Waits for its turn under the quota · next in line · expected in a few seconds', { ahead: 0, expectedAt: inSeconds(4) }],
    ['Waits for its turn under the quota · 1 ahead · expected in about 2 min', { ahead: 1, expectedAt: inSeconds(120) }],
    ['Waits for the answer above', { waitsFor: 'a0', ahead: 2, expectedAt: inSeconds(40) }],
    // What was told before the worker took it to itself is old by now.
    ['Waits for its turn under the quota · expected in about 7 s', { ahead: 12, expectedAt: inSeconds(7) }],
    ['Waits for its turn under the quota · expected any moment', { ahead: 0, expectedAt: inSeconds(-1) }],
    ['Thinking…', { status: 'generating' }],
    ['Another attempt · next try soon', { status: 'retrying' }],
    ['Attempt 2 of 5 · gemini is busy · next try in 9:05', { status: 'retrying', attempt: 2, maxAttempts: 5, error: busy, nextAttemptAt: inSeconds(545) }],
    ['Attempt 3 · next try now', { status: 'retrying', attempt: 3, nextAttemptAt: inSeconds(0) }],
    ['Attempt 1 · HTTP proxy lost · next try in 1:00:00', { status: 'retrying', attempt: 1, error: { ...busy, title: 'HTTP proxy lost' }, nextAttemptAt: inSeconds(3600) }],
    ['No answer came', { status: 'failed' }],
    ['Gemini is busy.', { status: 'failed', error: busy }],
    ['Cancelled', { status: 'cancelled' }],
    ['Cancelled · the text so far is kept', { status: 'cancelled', content: 'Hel' }],
  ])('says "%s"', (text, change) => {
    expect(statusLine(message('a', change), now, false)?.text).toBe(text)
  })

  it('says the place in Russian, in words that fit every number', async () => {
    await setLanguage('ru')
    try {
      const text = (ahead: number) => statusLine(message('a', { ahead, expectedAt: inSeconds(40) }), now, false)?.text
      expect(text(0)).toBe('Ждёт своей очереди по квоте · следующий на очереди · начнётся через ≈ 40 с')
      expect(text(1)).toBe('Ждёт своей очереди по квоте · впереди 1 · начнётся через ≈ 40 с')
      expect(text(3)).toBe('Ждёт своей очереди по квоте · впереди 3 · начнётся через ≈ 40 с')
    } finally {
      await setLanguage('en')
    }
  })

  it('says whether text has come, and nothing of a completed answer', () => {
    expect(statusLine(message('a', { status: 'generating' }), now, true)?.text).toBe('Writing…')
    expect(statusLine(message('a', { status: 'completed' }), now, true)).toBeUndefined()
  })

  it.each([
    ['queued', ['cancel']],
    ['generating', ['cancel']],
    ['retrying', ['retry-now', 'cancel']],
    ['failed', ['try-again']],
    ['cancelled', ['try-again']],
  ] as const)('of a %s one offers %j', (status, actions) => {
    expect(statusLine(message('a', { status }), now, false)?.actions).toEqual(actions)
  })
})

describe('the situation', () => {
  const detail = (change: Partial<Message>, situation: Partial<Situation>) => statusLine(message('a', change), now, false, { ...allWell, ...situation })?.detail

  it('is told where it matters for an answer that is not there yet, the worst first', () => {
    expect(detail({}, {})).toBeUndefined()
    expect(detail({}, { workers: false, queue: false, line: 'polling' })).toContain('queue is away')
    expect(detail({}, { workers: false, line: 'polling' })).toContain('Nobody is there')
    expect(detail({ status: 'generating' }, { workers: false, line: 'polling' })).toContain('Live text')
    expect(detail({ status: 'generating' }, { line: 'reconnecting' })).toContain('live line')
    expect(detail({}, { reachable: false, workers: false })).toContain('No connection')
    expect(detail({ status: 'retrying', error: busy }, { reachable: false })).toMatch(/^It answered 503. No connection/)
  })

  it('does not matter for one that has ended', () => {
    expect(statusLine(message('a', { status: 'generating' }), now, true, { ...allWell, reachable: false })).toMatchObject({
      text: 'No connection right now',
      detail: 'The answer is being written all the same, and is here when you are back.',
    })
    expect(detail({ status: 'failed', error: busy }, { reachable: false })).toBe(busy.detail)
    expect(detail({ status: 'cancelled' }, { reachable: false })).toBeUndefined()
  })
})

describe('a screen reader', () => {
  it('hears of each change once, and of nothing else', () => {
    const queued = message('a')
    expect(announcement(queued, { ...queued, status: 'retrying', error: busy })).toBe('The answer is delayed. Gemini is busy. Parley tries again.')
    expect(announcement(queued, { ...queued, status: 'completed' })).toBe('The answer is complete.')
    expect(announcement(queued, { ...queued, attempt: 2 })).toBeUndefined()
    expect(announcement(undefined, queued)).toBeUndefined()
  })
})
