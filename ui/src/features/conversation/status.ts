// An answer's state in a line of plain words, with what can be done about it.
import type { Message } from '@/api/types'
import { aboutDuration, countdown } from '@/lib/durations'

export type StatusKind = 'queued' | 'generating' | 'retrying' | 'failed' | 'cancelled'
export type StatusAction = 'cancel' | 'retry-now' | 'try-again'

export interface StatusLine {
  kind: StatusKind
  /** What is the case, in a few words. */
  text: string
  /** What it means or what to do, when there is more to say. */
  detail?: string
  actions: StatusAction[]
}

/** The line for an answer at the server's time `now` (ms since 1970); none for a completed one. */
export function statusLine(message: Message, now: number, hasText: boolean): StatusLine | undefined {
  switch (message.status) {
    case 'completed':
      return undefined
    case 'queued':
      return { kind: 'queued', text: queuedText(message, now), actions: ['cancel'] }
    case 'generating':
      return { kind: 'generating', text: hasText ? 'Writing…' : 'Thinking…', actions: ['cancel'] }
    case 'retrying':
      return {
        kind: 'retrying',
        text: [attemptText(message), reasonText(message), nextText(message, now)].filter(Boolean).join(' · '),
        detail: message.error?.detail,
        actions: ['retry-now', 'cancel'],
      }
    case 'failed':
      return {
        kind: 'failed',
        text: message.error?.title ?? 'No answer came',
        detail: message.error?.detail ?? 'Try again in a moment.',
        actions: ['try-again'],
      }
    case 'cancelled':
      return {
        kind: 'cancelled',
        text: message.content === '' ? 'Cancelled' : 'Cancelled · the text so far is kept',
        actions: ['try-again'],
      }
  }
}

function queuedText(message: Message, now: number): string {
  if (message.waitsFor !== undefined) return 'Waits for the answer above'
  if (message.expectedAt === undefined) return 'In the queue'
  const left = Date.parse(message.expectedAt) - now
  return left > 0 ? `In the queue · expected in ${aboutDuration(left)}` : 'In the queue · expected any moment'
}

function attemptText({ attempt, maxAttempts }: Message): string {
  if (attempt === undefined) return 'Another attempt'
  return maxAttempts === undefined ? `Attempt ${attempt}` : `Attempt ${attempt} of ${maxAttempts}`
}

function reasonText({ error }: Message): string | undefined {
  if (!error) return undefined
  const title = error.title.replace(/\.$/, '')
  // A sentence's capital goes within the line, an acronym's stays.
  return /^[A-Z](?![A-Z])/.test(title) ? title.charAt(0).toLowerCase() + title.slice(1) : title
}

function nextText({ nextAttemptAt }: Message, now: number): string {
  if (nextAttemptAt === undefined) return 'next try soon'
  const left = Date.parse(nextAttemptAt) - now
  return left > 0 ? `next try in ${countdown(left)}` : 'next try now'
}

/**
 * What a screen reader says when an answer goes from one state to another; nothing for changes that need no word,
 * so that the live region does not chatter.
 */
export function announcement(before: Message | undefined, after: Message): string | undefined {
  if (after.role !== 'assistant' || before === undefined || before.status === after.status) return undefined
  switch (after.status) {
    case 'queued':
      return undefined
    case 'generating':
      return 'The answer is being written.'
    case 'retrying':
      return `The answer is delayed. ${after.error?.title ?? ''} Parley tries again.`.replace('  ', ' ')
    case 'completed':
      return 'The answer is complete.'
    case 'failed':
      return `The answer failed. ${after.error?.title ?? ''}`.trim()
    case 'cancelled':
      return 'The answer was cancelled.'
  }
}
