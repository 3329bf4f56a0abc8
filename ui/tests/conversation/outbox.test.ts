import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ApiError, NetworkError, problemOf } from '@/api/errors'
import { isLocalChat, notArrived, quickAttempts, resendMillis, type Outgoing } from '@/features/conversation/outgoing'
import { useOutbox } from '@/features/conversation/outboxStore'
import { chat, json, problem, question, sent, stubApi } from '../support'

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
    ['a long wish: not before it either', refusal(503, 60_000), 1, 60_000],
    ['a wish without measure: within it', refusal(503, 9_000_000), 1, 300_000],
    ['a refusal for good: never', refusal(400), 1, undefined],
    ['after many attempts: slowly, but still', new NetworkError('x'), quickAttempts, 30_000],
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
  const kept = () => Object.keys(localStorage).filter((name) => name.startsWith('parley.outgoing.')).map((name) => localStorage.getItem(name)).join()
  const keys = (requests: Request[]) => requests.map((request) => request.headers.get('idempotency-key'))

  it('sends with one key however often it must, and forgets what was accepted', async () => {
    const requests = stubApi((_, index) => {
      if (index === 0) throw new TypeError('cut')
      return index === 1 ? problem(503) : json(201, sent('q', 'Hi'))
    })
    const outbox = useOutbox()
    outbox.send('chat', { content: 'Hi' }, 'Hi', undefined)
    expect(kept()).toContain('"Hi"')
    await vi.advanceTimersByTimeAsync(60_000)
    expect(requests).toHaveLength(3)
    expect(new Set(keys(requests)).size).toBe(1)
    expect(keys(requests)[0]).toMatch(/^[0-9a-f-]{36}$/)
    expect(await requests[2]?.json()).toEqual({ content: 'Hi' })
    expect(outbox.entries).toEqual([])
    expect(outbox.accepted?.message.id).toBe('q')
    expect(kept()).toBe('')
  })

  it('says after some attempts that it takes longer, and goes on slowly with the same key until it is through', async () => {
    let up = false
    const requests = stubApi(() => (up ? json(201, sent('q', 'Hi')) : problem(502)))
    const outbox = useOutbox()
    outbox.send('chat', { content: 'Hi' }, 'Hi', undefined)
    await vi.advanceTimersByTimeAsync(600_000)
    expect(requests.length).toBeGreaterThan(quickAttempts)
    expect(requests.length).toBeLessThan(quickAttempts + 22)
    expect(outbox.entries[0]).toMatchObject({ state: 'unreachable', content: 'Hi' })
    expect(outbox.entries[0]?.problem).toBeTruthy()
    expect(kept()).toContain('"Hi"')
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

  it('makes the chat for the first messages of a new one, and sends them to it in their order', async () => {
    let up = false
    const requests = stubApi((request, index) => {
      if (!up) throw new TypeError('offline')
      return request.url.endsWith('/api/chats') ? json(201, { ...chat, id: 'made' }) : json(201, sent(`q${index}`, 'x'))
    })
    const outbox = useOutbox()
    const local = outbox.send(undefined, { content: 'one' }, 'one', undefined, { temperature: 1 })
    outbox.send(local, { content: 'two' }, 'two')
    expect(isLocalChat(local)).toBe(true)
    await vi.advanceTimersByTimeAsync(120_000)
    expect(outbox.entries.map((entry) => entry.content)).toEqual(['one', 'two'])
    up = true
    const before = requests.length
    outbox.wake()
    await vi.advanceTimersByTimeAsync(10)
    expect(requests.slice(before).map((request) => new URL(request.url).pathname)).toEqual(['/api/chats', '/api/chats/made/messages', '/api/chats/made/messages'])
    expect(await requests[before]?.json()).toEqual({ settings: { temperature: 1 } })
    expect(await requests[before + 1]?.json()).toEqual({ content: 'one' })
    expect(outbox.moved).toEqual({ from: local, to: 'made' })
    expect(kept()).toBe('')
  })

  it('follows what another tab adds, sends and takes back', async () => {
    stubApi(() => new Promise<Response>(() => undefined))
    const outbox = useOutbox()
    outbox.send('chat', { content: 'Mine' }, 'Mine')
    const theirs = { key: 'k', chatId: 'chat', body: { content: 'Theirs' }, content: 'Theirs', createdAt: 1, state: 'sending' }
    dispatchEvent(new StorageEvent('storage', { key: 'parley.outgoing.k', newValue: JSON.stringify(theirs) }))
    expect(outbox.entries.map((entry) => entry.content)).toEqual(['Theirs', 'Mine'])
    dispatchEvent(new StorageEvent('storage', { key: 'parley.outgoing.k', newValue: null }))
    await vi.advanceTimersByTimeAsync(0)
    expect(outbox.entries.map((entry) => entry.content)).toEqual(['Mine'])
  })

  it('does not send what another tab has sent while this one waited for its turn', async () => {
    let turn: (() => void) | undefined
    vi.stubGlobal('navigator', { onLine: true, locks: { request: (_: string, action: () => Promise<void>) => new Promise<void>((done) => (turn = () => void action().then(done))) } })
    const requests = stubApi(() => json(201, sent('q', 'Hi')))
    const outbox = useOutbox()
    outbox.send('chat', { content: 'Hi' }, 'Hi')
    localStorage.clear()
    turn?.()
    await vi.advanceTimersByTimeAsync(0)
    expect(requests).toEqual([])
    expect(outbox.entries).toEqual([])
  })

  it('passes over what an older page left in the storage', () => {
    localStorage.setItem('parley.outgoing.1', '{"key":1}')
    expect(useOutbox().entries).toEqual([])
  })
})
