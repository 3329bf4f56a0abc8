import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { openLiveEvents, type LiveEvents, type StreamStatus } from '@/features/conversation/liveEvents'
import { parseEvent, socketLine, streamLine } from '@/features/conversation/lines'
import { createWay, type Way } from '@/features/conversation/way'
import type { ApiError } from '@/api/errors'
import type { ChatEvent } from '@/api/types'
import { problem } from '../support'

/** One connection as the page opened it, and the server's end of it. */
interface Line {
  headers: Headers
  say: (text: string) => void
  cut: () => void
}

/** One socket as the page opened it, and the server's end of it. */
class FakeSocket {
  onopen: (() => void) | null = null
  onmessage: ((event: { data: string }) => void) | null = null
  onclose: (() => void) | null = null
  onerror: (() => void) | null = null
  readonly sent: unknown[] = []
  closed = false
  constructor(readonly address: string) {}
  send(text: string): void {
    this.sent.push(JSON.parse(text))
  }
  close(): void {
    this.closed = true
  }
  say(frame: object): void {
    this.onmessage?.({ data: JSON.stringify(frame) })
  }
}

const encoder = new TextEncoder()
let lines: Line[]
let sockets: FakeSocket[]
let way: Way
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
    way,
    lines: { stream: streamLine(answering), socket: socketLine(connecting) },
  })
  return open

  function connecting(address: string): WebSocket {
    const socket = new FakeSocket(address)
    sockets.push(socket)
    return socket as unknown as WebSocket
  }

  function answering(_: unknown, init?: RequestInit): Promise<Response> {
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
  }
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
  sockets = []
  way = createWay(Date.now, () => 1)
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
    await say(0, deltaText('1', 'x'))
    await say(0, ': still here\n\n')
    await vi.advanceTimersByTimeAsync(44_000)
    expect(statuses.at(-1)).toBe('live')
    await vi.advanceTimersByTimeAsync(1_000)
    expect(statuses.at(-1)).toBe('reconnecting')
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

describe('a line that nobody looks at', () => {
  it('is let go, and resumed where it was when somebody does', async () => {
    const live = start()
    await settle()
    await say(0, deltaText('a:r:5', 'Hello'))
    live.rest()
    await vi.advanceTimersByTimeAsync(600_000)
    expect(lines).toHaveLength(1)
    expect(sockets).toHaveLength(0)
    live.wake()
    await settle()
    expect(lines[1]?.headers.get('last-event-id')).toBe('a:r:5')
    live.rest()
    await settle()
    live.close()
    live.wake()
    await settle()
    expect(lines).toHaveLength(2)
  })
})

describe('where SSE is held back', () => {
  const snapshot = (id = 'a:r:0') => ({ chat: 'a chat', id, event: 'answer.delta', data: { answerId: 'a', run: 'r', offset: 0, text: 'x' } })
  /** Until the socket is open and speaks. */
  async function overSocket(): Promise<FakeSocket> {
    start()
    await vi.advanceTimersByTimeAsync(8_500)
    const socket = sockets.at(-1)
    if (!socket) throw new Error('no socket')
    socket.onopen?.()
    socket.say(snapshot())
    await settle()
    return socket
  }

  it('the socket takes over, with the same events', async () => {
    const socket = await overSocket()
    expect(socket.address).toBe('ws://parley.test/api/ws')
    expect(socket.sent).toEqual([{ subscribe: 'a chat' }])
    expect(statuses).toEqual(['connecting', 'reconnecting', 'live'])
    expect(events).toEqual([{ type: 'answer.delta', data: { answerId: 'a', run: 'r', offset: 0, text: 'x' } }])
    await vi.advanceTimersByTimeAsync(20_000)
    expect(socket.sent).toHaveLength(2)
    expect(socket.sent[1]).toEqual({ ping: true })
  })

  it('so is one that spoke and then fell silent, and it is resumed where it was', async () => {
    start()
    await settle()
    await say(0, deltaText('a:r:5', 'Hello'))
    await vi.advanceTimersByTimeAsync(45_500)
    sockets[0]?.onopen?.()
    expect(sockets[0]?.sent).toEqual([{ subscribe: 'a chat', lastEventId: 'a:r:5' }])
  })

  it('the next chat asks the socket at once', async () => {
    await overSocket()
    open?.close()
    start()
    await settle()
    expect(lines).toHaveLength(1)
    expect(sockets).toHaveLength(2)
  })

  it('SSE is looked at again after a while, and takes over before the socket is let go', async () => {
    const socket = await overSocket()
    const signs = setInterval(() => socket.say({ chat: 'a chat', event: 'quiet' }), 15_000)
    await vi.advanceTimersByTimeAsync(119_000)
    expect(lines).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(1_000)
    expect(lines[1]?.headers.get('last-event-id')).toBe('a:r:0')
    expect(socket.closed).toBe(false)
    await say(1, deltaText('a:r:1', 'y'))
    expect(socket.closed).toBe(true)
    clearInterval(signs)
    expect(statuses.at(-1)).toBe('live')
    expect(events).toHaveLength(2)
    // The line is followed from then on: a cut is mended over SSE.
    lines[1]?.cut()
    await vi.advanceTimersByTimeAsync(500)
    expect(lines[2]?.headers.get('last-event-id')).toBe('a:r:1')
    expect(sockets).toHaveLength(1)
  })

  it('SSE is looked at more and more seldom, while the socket goes on', async () => {
    const socket = await overSocket()
    const signs = setInterval(() => socket.say({ chat: 'a chat', event: 'quiet' }), 15_000)
    await vi.advanceTimersByTimeAsync(3_600_000)
    clearInterval(signs)
    // After 2, 4, 8, 16 and 30 minutes.
    expect(lines).toHaveLength(1 + 4)
    expect(sockets).toHaveLength(1)
    expect(statuses.at(-1)).toBe('live')
  })

  it('and the socket too, both are tried in turn while the page asks in another way', async () => {
    start()
    for (let second = 0; second < 120; second += 1) {
      await vi.advanceTimersByTimeAsync(1_000)
      sockets.forEach((socket) => socket.onerror?.())
    }
    expect(statuses).toEqual(['connecting', 'reconnecting', 'down'])
    expect(lines.length).toBeGreaterThan(2)
    expect(sockets.length).toBeGreaterThan(2)
  })

  it('a chat that is gone is told over the socket as well', async () => {
    const socket = await overSocket()
    socket.say({ chat: 'a chat', event: 'ended' })
    await vi.advanceTimersByTimeAsync(500)
    sockets[1]?.onopen?.()
    sockets[1]?.say({ chat: 'a chat', event: 'problem', data: { type: 'urn:parley:problem:not-found', title: 'No', status: 404, detail: 'No.' } })
    await vi.advanceTimersByTimeAsync(60_000)
    expect(refused.map((error) => error.problem.status)).toEqual([404])
    expect(sockets).toHaveLength(2)
  })
})

describe('the way', () => {
  it('changes only when a line has missed twice, or is held', () => {
    const one = createWay(() => 0, () => 0)
    one.missed('stream', false)
    one.spoke('stream')
    one.missed('stream', false)
    expect(one.kind).toBe('stream')
    one.missed('stream', false)
    expect(one.kind).toBe('socket')
    expect(one.returnMillis()).toBe(60_000)
    one.missed('socket', true)
    expect(one.kind).toBe('stream')
    expect(one.returnMillis()).toBeUndefined()
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
