// A chat's live events over SSE, with resume. Not EventSource: that can neither send Last-Event-ID on a first
// request nor tell a 404 from a cut line.
import { createParser } from 'eventsource-parser'
import { ApiError, problemOf, retryAfterMillis } from '@/api/errors'
import type { ChatEvent } from '@/api/types'
import { backoffMillis } from '@/lib/backoff'

export type StreamStatus =
  /** The first try, nothing known yet. */
  | 'connecting'
  /** Events flow. */
  | 'live'
  /** The line is cut and is being taken up again; nobody needs to worry yet. */
  | 'reconnecting'
  /** Several tries failed; it goes on trying, but ask in another way meanwhile. */
  | 'down'

export interface LiveEventsOptions {
  chatId: string
  onEvent: (event: ChatEvent) => void
  onStatus: (status: StreamStatus) => void
  /** The API refuses for good (the chat is gone): no further tries. */
  onRefused: (error: ApiError) => void
  fetch?: typeof fetch
  random?: () => number
  now?: () => number
}

export interface LiveEvents {
  close: () => void
  /** Stops waiting and tries at once; while events flow it does nothing. */
  wake: () => void
  /** Starts anew without Last-Event-ID, for a whole snapshot. */
  resync: () => void
}

const baseMillis = 500
const maxMillis = 15_000
/** The server sends a comment every 15 s; three missed ones mean a dead line that nobody has closed. */
const silenceMillis = 45_000
/** Silence after which a wake-up doubts the line: one comment missed. */
const quietMillis = 20_000
const connectMillis = 15_000
const failuresUntilDown = 2
/** More resyncs than this in a row mean that something is wrong which a resync does not mend: slow down. */
const quickResyncs = 2

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

/** The event of an SSE message, or undefined for one that this page does not know. */
export function parseEvent(name: string | undefined, data: string): ChatEvent | undefined {
  if (name === undefined || !known.has(name)) return undefined
  try {
    const value: unknown = JSON.parse(data)
    return typeof value === 'object' && value !== null ? ({ type: name, data: value } as ChatEvent) : undefined
  } catch {
    return undefined
  }
}

export function openLiveEvents(options: LiveEventsOptions): LiveEvents {
  const { chatId, onEvent, onStatus, onRefused } = options
  const fetcher = options.fetch ?? ((...args: Parameters<typeof fetch>) => fetch(...args))
  const random = options.random ?? Math.random
  const now = options.now ?? Date.now
  let closed = false
  let lastEventId: string | undefined
  let failures = 0
  let resyncs = 0
  let resyncWanted = false
  let heardAt = 0
  let connection: AbortController | undefined
  let wakeUp: (() => void) | undefined
  let current: StreamStatus | undefined

  function tell(status: StreamStatus): void {
    if (closed || status === current) return
    current = status
    onStatus(status)
  }

  /** Reads one connection to its end. Throws ApiError for an answer that is no stream; other errors are cuts. */
  async function read(controller: AbortController): Promise<void> {
    let watchdog = setTimeout(() => controller.abort(), connectMillis)
    try {
      const headers: Record<string, string> = { Accept: 'text/event-stream' }
      if (lastEventId !== undefined) headers['Last-Event-ID'] = lastEventId
      const response = await fetcher(`/api/events?chat=${encodeURIComponent(chatId)}`, {
        headers,
        cache: 'no-store',
        signal: controller.signal,
      })
      if (!response.ok || !response.body) {
        const body: unknown = await response.json().catch(() => undefined)
        throw new ApiError(
          problemOf(response.status, body),
          retryAfterMillis(response.headers.get('retry-after'), Date.now()),
        )
      }
      const parser = createParser({
        onEvent: (message) => {
          if (controller.signal.aborted) return
          if (message.id !== undefined) lastEventId = message.id === '' ? undefined : message.id
          const event = parseEvent(message.event, message.data)
          if (!event) return
          // Only what was said counts as a working line: a proxy may accept and cut at once.
          failures = 0
          tell('live')
          onEvent(event)
        },
      })
      const decoder = new TextDecoder()
      const reader = response.body.getReader()
      for (;;) {
        clearTimeout(watchdog)
        watchdog = setTimeout(() => controller.abort(), silenceMillis)
        heardAt = now()
        const { done, value } = await reader.read()
        if (done) return
        parser.feed(decoder.decode(value, { stream: true }))
      }
    } finally {
      clearTimeout(watchdog)
      controller.abort()
    }
  }

  async function run(): Promise<void> {
    for (;;) {
      const controller = new AbortController()
      connection = controller
      let wanted: number | undefined
      try {
        await read(controller)
      } catch (error) {
        if (error instanceof ApiError) {
          if (!error.passing) {
            if (!isClosed()) onRefused(error)
            return
          }
          wanted = error.retryAfterMillis
        }
      }
      // Asked anew: close() may have been called while this waited.
      if (isClosed()) return
      if (resyncWanted) {
        resyncWanted = false
        resyncs += 1
        if (resyncs <= quickResyncs) continue
      }
      failures += 1
      tell(failures > failuresUntilDown ? 'down' : 'reconnecting')
      await pause(Math.min(maxMillis, Math.max(wanted ?? 0, backoffMillis(failures, baseMillis, maxMillis, random))))
      resyncs = 0
    }
  }

  function isClosed(): boolean {
    return closed
  }

  function pause(millis: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, millis)
      wakeUp = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  tell('connecting')
  void run()

  return {
    close() {
      closed = true
      connection?.abort()
      wakeUp?.()
    },
    wake() {
      // A line that slept with the machine looks open and is not.
      if (current === 'live' && now() - heardAt > quietMillis) connection?.abort()
      wakeUp?.()
    },
    resync() {
      lastEventId = undefined
      resyncWanted = true
      connection?.abort()
    },
  }
}
