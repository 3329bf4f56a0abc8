// An answer's state in a line of plain words, with what can be done about it.
import type { Message } from '@/api/types'
import { formatNumber, problemText, t } from '@/i18n'
import { aboutDuration, countdown } from '@/lib/durations'

export type StatusKind = 'queued' | 'generating' | 'retrying' | 'failed' | 'cancelled'
export type StatusAction = 'cancel' | 'retry-now' | 'try-again'

export interface StatusLine {
  kind: StatusKind
  /** What is the case, in a few words. */
  text: string
  /** What it means or what to do, when there is more to say. */
  detail?: string | undefined
  /** When it goes on, as far as that is known. */
  until?: string | undefined
  actions: StatusAction[]
}

/** What else an answer's line depends on. */
export interface Situation {
  /** Whether the browser reaches Parley at all. */
  reachable: boolean
  /** How its events come: over a live line, over one that is being taken up again, or by asking. */
  line: 'live' | 'reconnecting' | 'polling'
  /** Whether the parts that a queued answer needs are there. */
  workers: boolean
  queue: boolean
}

export const allWell: Situation = { reachable: true, line: 'live', workers: true, queue: true }

/** The line for an answer at the server's time `now` (ms since 1970); none for a completed one. */
export function statusLine(message: Message, now: number, hasText: boolean, situation: Situation = allWell): StatusLine | undefined {
  const line = lineOf(message, now, hasText)
  if (!line || (line.kind !== 'queued' && line.kind !== 'generating' && line.kind !== 'retrying')) return line
  // What is not seen must not be told as if it were.
  if (line.kind === 'generating' && !situation.reachable) return { ...line, text: t('status.unseen'), detail: t('status.unseenDetail') }
  const around = situationText(line.kind, message, situation)
  return around === undefined ? line : { ...line, detail: line.detail === undefined ? around : `${line.detail} ${around}` }
}

/** What of the situation matters for an answer that is not there yet; the worst first. */
function situationText(kind: StatusKind, message: Message, { reachable, line, workers, queue }: Situation): string | undefined {
  if (!reachable) return t('status.offline')
  if (kind === 'queued' && message.waitsFor === undefined) {
    if (!queue) return t('status.queueAway')
    if (!workers) return t('status.workersAway')
  }
  if (line === 'reconnecting') return t('status.reconnecting')
  return line === 'polling' ? t('status.polling') : undefined
}

function lineOf(message: Message, now: number, hasText: boolean): StatusLine | undefined {
  switch (message.status) {
    case 'completed':
      return undefined
    case 'queued':
      return { kind: 'queued', text: queuedText(message, now), until: message.waitsFor === undefined ? message.expectedAt : undefined, actions: ['cancel'] }
    case 'generating':
      return { kind: 'generating', text: hasText ? t('status.writing') : t('status.thinking'), actions: ['cancel'] }
    case 'retrying':
      return {
        kind: 'retrying',
        text: [attemptText(message), reasonText(message), nextText(message, now)].filter(Boolean).join(' · '),
        detail: message.error && problemText(message.error).detail,
        until: message.nextAttemptAt,
        actions: ['retry-now', 'cancel'],
      }
    case 'failed':
      return {
        kind: 'failed',
        text: message.error ? problemText(message.error).title : t('status.failed'),
        detail: message.error ? problemText(message.error).detail : t('status.failedDetail'),
        actions: ['try-again'],
      }
    case 'cancelled':
      return {
        kind: 'cancelled',
        text: message.content === '' ? t('status.cancelled') : t('status.cancelledKept'),
        actions: ['try-again'],
      }
  }
}

function queuedText(message: Message, now: number): string {
  if (message.waitsFor !== undefined) return t('status.waitsFor')
  if (message.expectedAt === undefined) return t('status.queued')
  const left = Date.parse(message.expectedAt) - now
  const expected = left > 0 ? t('status.queuedFor', { duration: aboutDuration(left) }) : t('status.queuedNow')
  return [t('status.queuedTurn'), placeText(message.ahead, left), expected].filter(Boolean).join(' · ')
}

/** So near to its turn a worker holds the answer and tells no new number, so the last one would stand still. */
const NEAR = 7_000

function placeText(ahead: number | undefined, left: number): string | undefined {
  if (ahead === undefined || left <= 0) return undefined
  if (ahead === 0) return t('status.queuedNext')
  return left > NEAR ? t('status.queuedAhead', { ahead: formatNumber(ahead) }) : undefined
}

function attemptText({ attempt, maxAttempts }: Message): string {
  if (attempt === undefined) return t('status.attemptAnother')
  return maxAttempts === undefined ? t('status.attempt', { attempt }) : t('status.attemptOf', { attempt, max: maxAttempts })
}

function reasonText({ error }: Message): string | undefined {
  if (!error) return undefined
  const title = problemText(error).title.replace(/\.$/, '')
  // A sentence's capital goes within the line, an acronym's stays.
  return /^\p{Lu}(?!\p{Lu})/u.test(title) ? title.charAt(0).toLowerCase() + title.slice(1) : title
}

function nextText({ nextAttemptAt }: Message, now: number): string {
  if (nextAttemptAt === undefined) return t('status.nextSoon')
  const left = Date.parse(nextAttemptAt) - now
  return left > 0 ? t('status.nextIn', { countdown: countdown(left) }) : t('status.nextNow')
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
      return t('status.saidGenerating')
    case 'retrying':
      return t('status.saidRetrying', { reason: reasonSentence(after) }).replace('  ', ' ')
    case 'completed':
      return t('status.saidCompleted')
    case 'failed':
      return t('status.saidFailed', { reason: reasonSentence(after) }).trim()
    case 'cancelled':
      return t('status.saidCancelled')
  }
}

function reasonSentence({ error }: Message): string {
  return error ? problemText(error).title : ''
}
