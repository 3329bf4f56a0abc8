// Messages on their way to the API: pure rules about what is shown and when it is sent again.
import { ApiError } from '@/api/errors'
import type { GenerationSettings, Message, NewMessage } from '@/api/types'

/** A message that was sent here and that the API has not accepted yet. */
export interface Outgoing {
  /** The Idempotency-Key: however often it is sent, it counts once. */
  key: string
  /** The chat's id, or a local one while the chat itself has still to be made. */
  chatId: string
  body: NewMessage
  /** Of the chat that is made for it. */
  settings?: GenerationSettings
  /** What the user sees meanwhile. */
  content: string
  /** The id of the last message before it, to recognise its own arrival over the stream. */
  after: string | undefined
  /** In milliseconds since 1970; of two messages of a browser the later one's is larger. */
  createdAt: number
  /** Unreachable: it goes on trying, slowly. Refused: it is the user's turn. */
  state: 'sending' | 'unreachable' | 'refused'
  /** Why it is not sent, in a sentence. */
  problem?: string
}

const localPrefix = 'new-'
/** The id in the page's address of a chat that the API does not have yet. */
export const localChatId = (id: string): string => localPrefix + id
export const isLocalChat = (chatId: string | undefined): boolean => chatId?.startsWith(localPrefix) ?? false

/** After so many attempts the user is told that it takes longer. */
export const quickAttempts = 6
const slowMillis = 30_000
const longestWaitMillis = 300_000

/** The wait before the next attempt, or undefined when it is the user's turn. */
export function resendMillis(error: unknown, attempts: number, backoff: (failures: number) => number): number | undefined {
  const wish = error instanceof ApiError ? (error.passing ? (error.retryAfterMillis ?? 0) : undefined) : 0
  if (wish === undefined) return undefined
  return Math.min(longestWaitMillis, Math.max(wish, attempts < quickAttempts ? backoff(attempts) : slowMillis))
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

export function isOutgoing(value: unknown): value is Outgoing {
  if (typeof value !== 'object' || value === null) return false
  const { key, chatId, body, content, createdAt } = value as Record<string, unknown>
  return (
    [key, chatId, content].every((text) => typeof text === 'string') &&
    typeof createdAt === 'number' &&
    typeof body === 'object' &&
    body !== null
  )
}
