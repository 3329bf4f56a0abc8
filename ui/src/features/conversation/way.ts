// Which line the page's live events take, as the lines have proved themselves: SSE, or the WebSocket while SSE is held back.
import type { LineKind } from './lines'

/** One miss may be chance. */
const missesUntilOther = 2
const firstReturnMillis = 120_000
const longestReturnMillis = 1_800_000

/** Remembered over chats, so that a page behind a proxy that holds SSE back finds that out once and not with each chat. */
export interface Way {
  readonly kind: LineKind
  /** The line gave nothing; `held` when it was silent where it should have spoken, which a proxy's buffer explains best. */
  missed: (kind: LineKind, held: boolean) => void
  /** The line works. */
  spoke: (kind: LineKind) => void
  /** Milliseconds until SSE is worth another look; undefined while it is in use. */
  returnMillis: () => number | undefined
  /** SSE was looked at and still gives nothing. */
  stillHeld: () => void
}

export function createWay(now: () => number = Date.now, random: () => number = Math.random): Way {
  let kind: LineKind = 'stream'
  let misses = 0
  let wait = firstReturnMillis
  let returnAt = 0

  // The upper half is random: many pages behind one proxy must not come back in step.
  const schedule = () => (returnAt = now() + wait / 2 + (wait / 2) * random())

  function use(other: LineKind): void {
    kind = other
    misses = 0
    if (kind === 'socket') schedule()
  }

  return {
    get kind() {
      return kind
    },
    missed(which, held) {
      if (which !== kind) return
      misses += 1
      if (held || misses >= missesUntilOther) use(kind === 'stream' ? 'socket' : 'stream')
    },
    spoke(which) {
      misses = 0
      if (which === 'stream') wait = firstReturnMillis
      if (which !== kind) use(which)
    },
    returnMillis: () => (kind === 'stream' ? undefined : Math.max(0, returnAt - now())),
    stillHeld() {
      wait = Math.min(longestReturnMillis, wait * 2)
      schedule()
    },
  }
}

/** The page's own. */
export const pageWay = createWay()
