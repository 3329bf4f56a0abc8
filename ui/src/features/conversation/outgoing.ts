// Messages on their way to the API: pure rules about what is shown and when it is sent again.
import { ApiError } from '@/api/errors'
import type { Message, NewMessage } from '@/api/types'

/** A message that was sent here and that the API has not accepted yet. */
export interface Outgoing {
  /** The Idempotency-Key: however often it is sent, it counts once. */
  key: string
  chatId: string
  body: NewMessage
  /** What the user sees meanwhile. */
  content: string
  /** The id of the last message before it, to recognise its own arrival over the stream. */
  after: string | undefined
  createdAt: number
  state: 'sending' | 'unreachable' | 'refused'
  /** Why it is not sent, in a sentence. */
  problem?: string
}

export const maxAttempts = 6
const longestWaitMillis = 20_000

/** The wait before the next attempt, or undefined when it is the user's turn. */
export function resendMillis(error: unknown, attempts: number, backoff: (failures: number) => number): number | undefined {
  if (attempts >= maxAttempts) return undefined
  if (!(error instanceof ApiError)) return backoff(attempts)
  if (!error.passing) return undefined
  const wait = Math.max(error.retryAfterMillis ?? 0, backoff(attempts))
  return wait <= longestWaitMillis ? wait : undefined
}

/** Those that are not in the conversation yet: over the stream a message may arrive before the response to it. */
export function notArrived(outgoing: readonly Outgoing[], messages: readonly Message[]): Outgoing[] {
  const taken = new Set<string>()
  return outgoing.filter((entry) => {
    const from = entry.after === undefined ? 0 : messages.findLastIndex((message) => message.id === entry.after) + 1
    const arrived = messages
      .slice(from)
      .find((message) => message.role === 'user' && message.content === entry.content && !taken.has(message.id))
    if (arrived) taken.add(arrived.id)
    return !arrived
  })
}

export function isOutgoingList(value: unknown): value is Outgoing[] {
  return (
    Array.isArray(value) &&
    value.every((entry: unknown) => {
      if (typeof entry !== 'object' || entry === null) return false
      const { key, chatId, body, content } = entry as Record<string, unknown>
      return [key, chatId, content].every((text) => typeof text === 'string') && typeof body === 'object' && body !== null
    })
  )
}
