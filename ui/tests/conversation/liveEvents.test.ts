import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { openLiveEvents, parseEvent, type LiveEvents, type StreamStatus } from '@/features/conversation/liveEvents'
import type { ApiError } from '@/api/errors'
import type { ChatEvent } from '@/api/types'
import { problem } from '../support'

/** One connection as the page opened it, and the server's end of it. */
interface Line {
  headers: Headers
  say: (text: string) => void
  cut: () => void
}

const encoder = new TextEncoder()
let lines: Line[]
let events: ChatEvent[]
let statuses: StreamStatus[]
let refused: ApiError[]
let open: LiveEvents | undefined

function start(answer: (index: number) => Response | undefined = () => undefined): LiveEvents {
  let asked = 0
  open = openLiveEvents({
    chatId: 'a chat',
    onEvent: (event) => events.push(event),
    onStatus: (status) => statuses.push(status),
    onRefused: (error) => refused.push(error),
    random: () => 1,
    fetch: (_, init) => {
      const other = answer(asked++)
      if (other) return Promise.resolve(other)
      let control: ReadableStreamDefaultController<Uint8Array> | undefined
      const body = new ReadableStream<Uint8Array>({ start: (controller) => void (control = controller) })
      init?.signal?.addEventListener('abort', () => {
        try {
          control?.error(new Error('aborted'))
        } catch {
          // Closed already.
        }
      })
      lines.push({
        headers: new Headers(init?.headers),
        say: (text) => control?.enqueue(encoder.encode(text)),
        cut: () => control?.close(),
      })
      return Promise.resolve(new Response(body))
    },
  })
  return open
}

const settle = () => vi.advanceTimersByTimeAsync(0)
const say = (index: number, text: string) => {
  lines[index]?.say(text)
  return settle()
}
const deltaText = (id: string, text: string) =>
  `id: ${id}\nevent: answer.delta\ndata: {"answerId":"a","run":"r","offset":0,"text":"${text}"}\n\n`

beforeEach(() => {
  vi.useFakeTimers()
  lines = []
  events = []
  statuses = []
  refused = []
})

afterEach(() => {
  open?.close()
  vi.useRealTimers()
})

describe('the stream', () => {
  it('is resumed after a cut with the last event id', async () => {
    start()
    await settle()
    expect(lines[0]?.headers.has('last-event-id')).toBe(false)
    await say(0, deltaText('a:r:5', 'Hello'))
    lines[0]?.cut()
    await settle()
    expect(statuses).toEqual(['connecting', 'live', 'reconnecting'])
    await vi.advanceTimersByTimeAsync(500)
    expect(lines[1]?.headers.get('last-event-id')).toBe('a:r:5')
    await say(1, deltaText('a:r:6', '!'))
    expect(statuses.at(-1)).toBe('live')
    expect(events).toHaveLength(2)
  })

  it('puts a character together that arrives in two pieces', async () => {
    const bytes = encoder.encode(deltaText('1', '😀'))
    const inside = bytes.indexOf(0xf0) + 2
    const torn = new ReadableStream<Uint8Array>({
      start: (controller) => {
        controller.enqueue(bytes.slice(0, inside))
        controller.enqueue(bytes.slice(inside))
        controller.close()
      },
    })
    start((index) => (index === 0 ? new Response(torn) : undefined))
    await settle()
    expect(events).toEqual([{ type: 'answer.delta', data: { answerId: 'a', run: 'r', offset: 0, text: '😀' } }])
  })

  it('starts anew without an id when a snapshot is asked for, and slows down when that does not help', async () => {
    const live = start()
    await settle()
    await say(0, deltaText('a:r:5', 'Hello'))
    live.resync()
    await settle()
    expect(lines[1]?.headers.has('last-event-id')).toBe(false)
    live.resync()
    await settle()
    live.resync()
    await settle()
    expect(lines).toHaveLength(3)
    await vi.advanceTimersByTimeAsync(15_000)
    expect(lines).toHaveLength(4)
  })

  it('gives up on a chat that is gone', async () => {
    start(() => problem(404))
    await vi.advanceTimersByTimeAsync(60_000)
    expect(refused.map((error) => error.problem.status)).toEqual([404])
    expect(lines).toHaveLength(0)
  })

  it('is down after several failures, tries no sooner than asked, and comes back', async () => {
    let asked = 0
    start((index) => {
      asked = index + 1
      return index < 3 ? problem(503, { 'Retry-After': '7' }) : undefined
    })
    await settle()
    expect(asked).toBe(1)
    await vi.advanceTimersByTimeAsync(6_900)
    expect(asked).toBe(1)
    await vi.advanceTimersByTimeAsync(14_200)
    expect(statuses).toEqual(['connecting', 'reconnecting', 'down'])
    await say(0, deltaText('1', 'x'))
    expect(statuses.at(-1)).toBe('live')
  })

  it('takes a silent line for dead', async () => {
    start()
    await settle()
    await say(0, ': still here\n\n')
    await vi.advanceTimersByTimeAsync(44_000)
    expect(lines).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(2_000)
    expect(lines).toHaveLength(2)
  })

  it('tries at once when woken, and never again once closed', async () => {
    const live = start()
    await settle()
    lines[0]?.cut()
    await settle()
    live.wake()
    await settle()
    expect(lines).toHaveLength(2)
    live.close()
    await vi.advanceTimersByTimeAsync(60_000)
    expect(lines).toHaveLength(2)
  })
})

describe('an event', () => {
  it('that this page does not know, or cannot read, is passed over', () => {
    expect(parseEvent('answer.sung', '{}')).toBeUndefined()
    expect(parseEvent('answer.queued', '{"message":{}}')?.type).toBe('answer.queued')
    expect(parseEvent(undefined, '{}')).toBeUndefined()
    expect(parseEvent('snapshot', '{')).toBeUndefined()
    expect(parseEvent('snapshot', 'null')).toBeUndefined()
    expect(parseEvent('chat.updated', '{"chat":{}}')).toEqual({ type: 'chat.updated', data: { chat: {} } })
  })
})
