// The two lines over which a chat's live events come: SSE, and a WebSocket for where something on the way holds SSE back.
// A line is read once, from its opening to its end; taking it up again is the business of liveEvents.ts.
import { createParser } from 'eventsource-parser'
import { ApiError, problemOf, retryAfterMillis } from '@/api/errors'
import type { ChatEvent } from '@/api/types'

export type LineKind = 'stream' | 'socket'

export interface LineRequest {
  chatId: string
  /** Where to resume; undefined for a whole snapshot. */
  lastEventId: string | undefined
  /** Ends the line. */
  signal: AbortSignal
  /** Something came, if only a sign of life. */
  onHeard: () => void
  /** An event came; `event` is undefined for one that this page does not know, `id` when it leaves the last one in force. */
  onEvent: (event: ChatEvent | undefined, id: string | undefined) => void
}

/** Reads a line to its end. Rejects with ApiError when the other side says why, and with anything else for a cut. */
export type ReadLine = (request: LineRequest) => Promise<void>

const known = new Set<string>([
  'snapshot',
  'message.created',
  'message.updated',
  'message.deleted',
  'answer.started',
  'answer.delta',
  'answer.queued',
  'answer.retrying',
  'answer.completed',
  'answer.failed',
  'answer.cancelled',
  'chat.updated',
  'chat.deleted',
  'notice',
] satisfies ChatEvent['type'][])

function eventOf(name: unknown, data: unknown): ChatEvent | undefined {
  if (typeof name !== 'string' || !known.has(name) || typeof data !== 'object' || data === null) return undefined
  return { type: name, data } as ChatEvent
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The event of an SSE message, or undefined for one that this page does not know. */
export function parseEvent(name: string | undefined, data: string): ChatEvent | undefined {
  return name === undefined || !known.has(name) ? undefined : eventOf(name, parsed(data))
}

/** Over SSE. Not EventSource: that can neither send Last-Event-ID on a first request nor tell a 404 from a cut line. */
export function streamLine(fetcher: typeof fetch = (...args) => fetch(...args)): ReadLine {
  return async ({ chatId, lastEventId, signal, onHeard, onEvent }) => {
    const headers: Record<string, string> = { Accept: 'text/event-stream' }
    if (lastEventId !== undefined) headers['Last-Event-ID'] = lastEventId
    const response = await fetcher(`/api/events?chat=${encodeURIComponent(chatId)}`, { headers, cache: 'no-store', signal })
    if (!response.ok || !response.body) {
      const body: unknown = await response.json().catch(() => undefined)
      throw new ApiError(problemOf(response.status, body), retryAfterMillis(response.headers.get('retry-after'), Date.now()))
    }
    const parser = createParser({ onEvent: (message) => onEvent(parseEvent(message.event, message.data), message.id) })
    const decoder = new TextDecoder()
    const reader = response.body.getReader()
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      onHeard()
      parser.feed(decoder.decode(value, { stream: true }))
    }
  }
}

/** A sign of life from this side too: some gateways cut a socket on which the browser says nothing. */
const pingMillis = 20_000

/** Over a WebSocket, see `openSocket` in openapi.yaml. */
export function socketLine(connect: (address: string) => WebSocket = (address) => new WebSocket(address)): ReadLine {
  return ({ chatId, lastEventId, signal, onHeard, onEvent }) =>
    new Promise((resolve, reject) => {
      const address = new URL('/api/ws', location.href)
      address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:'
      const socket = connect(address.href)
      let ping: ReturnType<typeof setInterval> | undefined

      function end(error?: Error): void {
        clearInterval(ping)
        signal.removeEventListener('abort', abort)
        socket.onopen = socket.onmessage = socket.onclose = socket.onerror = null
        socket.close()
        if (error) reject(error)
        else resolve()
      }
      function abort(): void {
        end()
      }

      signal.addEventListener('abort', abort)
      if (signal.aborted) {
        end()
        return
      }
      socket.onopen = () => {
        socket.send(JSON.stringify({ subscribe: chatId, lastEventId }))
        ping = setInterval(() => socket.send('{"ping":true}'), pingMillis)
      }
      socket.onmessage = ({ data }: MessageEvent) => {
        onHeard()
        const frame = typeof data === 'string' ? parsed(data) : undefined
        if (typeof frame !== 'object' || frame === null) return
        const { event, id, data: body } = frame as { event?: unknown; id?: unknown; data?: unknown }
        if (event === 'problem') {
          const status = typeof body === 'object' && body !== null && 'status' in body ? Number(body.status) : 500
          end(new ApiError(problemOf(status, body)))
        } else if (event === 'ended') end()
        else if (event !== 'quiet' && event !== 'pong') onEvent(eventOf(event, body), typeof id === 'string' ? id : undefined)
      }
      socket.onerror = () => end(new Error('the socket broke'))
      socket.onclose = () => end()
    })
}
