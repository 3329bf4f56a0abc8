// A chat's live events, with resume: over SSE, over a WebSocket where SSE is held back, and back again after a while.
import { ApiError } from '@/api/errors'
import type { ChatEvent } from '@/api/types'
import { backoffMillis } from '@/lib/backoff'
import { socketLine, streamLine, type LineKind, type ReadLine } from './lines'
import { pageWay, type Way } from './way'

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
  lines?: Record<LineKind, ReadLine>
  way?: Way
  random?: () => number
  now?: () => number
}

export interface LiveEvents {
  close: () => void
  /** Stops waiting or resting and tries at once; while events flow it does nothing. */
  wake: () => void
  /** Lets the line go until it is woken, and then resumes: browsers have few lines, and tabs nobody looks at need none. */
  rest: () => void
  /** Starts anew without a last event id, for a whole snapshot. */
  resync: () => void
}

const baseMillis = 500
const maxMillis = 15_000
/** A snapshot is the first thing that is said, and at once. */
const firstMillis = 8_000
/** The server gives a sign of life every 15 s; three missed ones mean a dead line that nobody has closed. */
const silenceMillis = 45_000
/** Silence after which a wake-up doubts the line: one sign of life missed. */
const quietMillis = 20_000
const failuresUntilDown = 2
/** More resyncs than this in a row mean that something is wrong which a resync does not mend: slow down. */
const quickResyncs = 2

/** How a line ended: `spoke` when it said anything, `held` when it was given up for its silence. */
interface End {
  kind: LineKind
  spoke: boolean
  held: boolean
  error?: ApiError
}

interface Reading {
  controller: AbortController
  end: Promise<End>
}

export function openLiveEvents(options: LiveEventsOptions): LiveEvents {
  const { chatId, onEvent, onStatus, onRefused } = options
  const lines = options.lines ?? { stream: streamLine(), socket: socketLine() }
  const way = options.way ?? pageWay
  const random = options.random ?? Math.random
  const now = options.now ?? Date.now
  let closed = false
  let lastEventId: string | undefined
  let failures = 0
  let resyncs = 0
  let resyncWanted = false
  let resting = false
  let heardAt = 0
  let current: Reading | undefined
  let wakeUp: (() => void) | undefined
  let status: StreamStatus | undefined
  /** A look at SSE while the socket is in use. */
  let probe: Reading | undefined
  let probeTimer: ReturnType<typeof setTimeout> | undefined

  function tell(next: StreamStatus): void {
    if (closed || next === status) return
    status = next
    onStatus(next)
  }

  function read(kind: LineKind, onFirst: () => void): Reading {
    const controller = new AbortController()
    const { signal } = controller
    return { controller, end: ending() }

    async function ending(): Promise<End> {
      const end: End = { kind, spoke: false, held: false }
      const giveUp = () => {
        end.held = true
        controller.abort()
      }
      let watchdog = setTimeout(giveUp, firstMillis)
      const heard = () => {
        // Signs of life before the first event may be a proxy's.
        if (!end.spoke) return
        clearTimeout(watchdog)
        watchdog = setTimeout(giveUp, silenceMillis)
        heardAt = now()
      }
      try {
        await lines[kind]({
          chatId,
          lastEventId,
          signal,
          onHeard: heard,
          onEvent: (event, id) => {
            if (signal.aborted) return
            if (!end.spoke) {
              end.spoke = true
              way.spoke(kind)
              onFirst()
            }
            heard()
            if (id !== undefined) lastEventId = id === '' ? undefined : id
            if (event) onEvent(event)
          },
        })
      } catch (error) {
        if (error instanceof ApiError) end.error = error
      } finally {
        clearTimeout(watchdog)
        controller.abort()
      }
      return end
    }
  }

  /** Only what was said counts as a working line: a proxy may accept and cut at once. */
  function works(): void {
    failures = 0
    tell('live')
    scheduleProbe()
  }

  function scheduleProbe(): void {
    clearTimeout(probeTimer)
    const millis = way.returnMillis()
    if (millis !== undefined && !closed) probeTimer = setTimeout(() => void look(), millis)
  }

  /** Looks at SSE beside the socket; when it speaks, it takes over before the socket is let go. */
  async function look(): Promise<void> {
    if (probe || current === undefined || status !== 'live') return
    const old = current
    const mine = read('stream', () => {
      current = mine
      probe = undefined
      old.controller.abort()
      works()
    })
    probe = mine
    await mine.end
    // It has taken over, or the socket ended meanwhile.
    if (probe !== mine || closed) return
    probe = undefined
    way.stillHeld()
    scheduleProbe()
  }

  async function run(): Promise<void> {
    for (;;) {
      while (isResting()) await pause()
      if (isClosed()) return
      let reading = read(way.kind, works)
      current = reading
      let end = await reading.end
      // A probe has taken over: its end is the line's end. Asked anew each time, as it changes while this waits.
      while (current !== reading) {
        reading = current
        end = await reading.end
      }
      clearTimeout(probeTimer)
      probe?.controller.abort()
      probe = undefined
      if (isClosed()) return
      if (isResting()) continue
      if (resyncWanted) {
        resyncWanted = false
        resyncs += 1
        if (resyncs <= quickResyncs) continue
      }
      const { error } = end
      if (error && !error.passing && error.problem.type !== fromProxy) {
        onRefused(error)
        return
      }
      // Who answers with a reason is reached; a line that spoke before its end has only been cut.
      if (end.held || (!end.spoke && (error === undefined || error.problem.type === fromProxy))) way.missed(end.kind, end.held)
      failures += 1
      tell(failures > failuresUntilDown ? 'down' : 'reconnecting')
      await pause(Math.min(maxMillis, Math.max(error?.retryAfterMillis ?? 0, backoffMillis(failures, baseMillis, maxMillis, random))))
      resyncs = 0
    }
  }

  // Asked anew after each wait.
  function isClosed(): boolean {
    return closed
  }
  function isResting(): boolean {
    return resting && !closed
  }

  /** Waits for so long, or until it is woken. */
  function pause(millis?: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = millis === undefined ? undefined : setTimeout(resolve, millis)
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
      clearTimeout(probeTimer)
      probe?.controller.abort()
      current?.controller.abort()
      wakeUp?.()
    },
    wake() {
      resting = false
      // A line that slept with the machine looks open and is not.
      if (status === 'live' && now() - heardAt > quietMillis) current?.controller.abort()
      wakeUp?.()
    },
    rest() {
      resting = true
      current?.controller.abort()
    },
    resync() {
      lastEventId = undefined
      resyncWanted = true
      current?.controller.abort()
    },
  }
}

/** The type of a problem that is not Parley's own: something on the way answered in its place. */
const fromProxy = 'about:blank'
