import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ApiError, NetworkError, problemOf } from '@/api/errors'
import { maxAttempts, notArrived, resendMillis, type Outgoing } from '@/features/conversation/outgoing'
import { useOutbox } from '@/features/conversation/outboxStore'
import { json, problem, question, sent, stubApi } from '../support'

const refusal = (status: number, wait?: number) => new ApiError(problemOf(status, undefined), wait)

beforeEach(() => {
  localStorage.clear()
  setActivePinia(createPinia())
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe('when to send again', () => {
  const second = () => 1_000

  it.each<[string, unknown, number, number | undefined]>([
    ['a cut line: after the backoff', new NetworkError('x'), 1, 1_000],
    ['a passing refusal: after the backoff', refusal(503), 1, 1_000],
    ['a passing refusal with a wish: not before it', refusal(429, 5_000), 1, 5_000],
    ['a wish too long to wait for: it is the user\'s turn', refusal(503, 60_000), 1, undefined],
    ['a refusal for good: never', refusal(400), 1, undefined],
    ['after the last attempt: never', new NetworkError('x'), maxAttempts, undefined],
  ])('%s', (_, error, attempts, expected) => {
    expect(resendMillis(error, attempts, second)).toBe(expected)
  })
})

describe('a message on its way', () => {
  const entry = (key: string, content: string, after?: string): Outgoing => ({
    key, chatId: 'chat', body: { content }, content, after, createdAt: 0, state: 'sending',
  })

  it('is shown until it has arrived over the stream, each of two equal ones by itself', () => {
    const twice = [entry('1', 'Hi', 'old'), entry('2', 'Hi', 'old')]
    const old = question('old', 'Hi')
    expect(notArrived(twice, [old])).toEqual(twice)
    expect(notArrived(twice, [old, question('a', 'Hi')])).toEqual([twice[1]])
    expect(notArrived(twice, [old, question('a', 'Hi'), question('b', 'Hi')])).toEqual([])
  })
})

describe('the outbox', () => {
  const keys = (requests: Request[]) => requests.map((request) => request.headers.get('idempotency-key'))

  it('sends with one key however often it must, and forgets what was accepted', async () => {
    const requests = stubApi((_, index) => {
      if (index === 0) throw new TypeError('cut')
      return index === 1 ? problem(503) : json(201, sent('q', 'Hi'))
    })
    const outbox = useOutbox()
    outbox.send('chat', { content: 'Hi' }, 'Hi', undefined)
    expect(localStorage.getItem('parley.outbox')).toContain('"Hi"')
    await vi.advanceTimersByTimeAsync(60_000)
    expect(requests).toHaveLength(3)
    expect(new Set(keys(requests)).size).toBe(1)
    expect(keys(requests)[0]).toMatch(/^[0-9a-f-]{36}$/)
    expect(await requests[2]?.json()).toEqual({ content: 'Hi' })
    expect(outbox.entries).toEqual([])
    expect(outbox.accepted?.message.id).toBe('q')
    expect(localStorage.getItem('parley.outbox')).toBeNull()
  })

  it('stops after a bounded number of attempts, keeps the message, and resends it with the same key', async () => {
    let up = false
    const requests = stubApi(() => (up ? json(201, sent('q', 'Hi')) : problem(502)))
    const outbox = useOutbox()
    outbox.send('chat', { content: 'Hi' }, 'Hi', undefined)
    await vi.advanceTimersByTimeAsync(600_000)
    expect(requests).toHaveLength(maxAttempts)
    expect(outbox.entries[0]).toMatchObject({ state: 'unreachable', content: 'Hi' })
    expect(outbox.entries[0]?.problem).toBeTruthy()
    expect(localStorage.getItem('parley.outbox')).toContain('"Hi"')
    up = true
    outbox.wake()
    await vi.advanceTimersByTimeAsync(0)
    expect(new Set(keys(requests)).size).toBe(1)
    expect(outbox.entries).toEqual([])
  })

  it('keeps a refused message with the reason, sends it no more by itself, and gives it back for editing', async () => {
    const requests = stubApi(() => problem(413))
    const outbox = useOutbox()
    outbox.send('chat', { content: 'Long' }, 'Long', undefined)
    await vi.advanceTimersByTimeAsync(600_000)
    outbox.wake()
    await vi.advanceTimersByTimeAsync(600_000)
    expect(requests).toHaveLength(1)
    expect(outbox.entries[0]).toMatchObject({ state: 'refused', problem: 'Refused with 413.' })
    expect(outbox.withdraw(outbox.entries[0]?.key ?? '')?.content).toBe('Long')
    expect(outbox.entries).toEqual([])
  })

  it('takes up after a reload what was not accepted, with the key it had', async () => {
    stubApi(() => new Promise<Response>(() => undefined))
    const before = useOutbox()
    before.send('chat', { content: 'Hi' }, 'Hi', undefined)
    await vi.advanceTimersByTimeAsync(0)
    const key = before.entries[0]?.key
    setActivePinia(createPinia())
    const requests = stubApi(() => json(201, sent('q', 'Hi')))
    useOutbox().wake()
    await vi.advanceTimersByTimeAsync(0)
    expect(keys(requests)).toEqual([key])
  })

  it('keeps the order of a chat\'s messages, each with a key of its own', async () => {
    const requests = stubApi((_, index) => (index === 0 ? problem(503) : json(201, sent(`q${index}`, 'x'))))
    const outbox = useOutbox()
    outbox.send('chat', { content: 'one' }, 'one', undefined)
    outbox.send('chat', { content: 'two' }, 'two', undefined)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(await Promise.all(requests.map((request) => request.json()))).toEqual([{ content: 'one' }, { content: 'one' }, { content: 'two' }])
    expect(new Set(keys(requests)).size).toBe(2)
  })

  it('passes over what an older page left in the storage', () => {
    localStorage.setItem('parley.outbox', '[{"key":1}]')
    expect(useOutbox().entries).toEqual([])
  })
})
