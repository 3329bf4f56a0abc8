// An answer's state in a line of plain words, with what can be done about it.
import type { Message } from '@/api/types'
import { problemText, t } from '@/i18n'
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
      return { kind: 'generating', text: hasText ? t('status.writing') : t('status.thinking'), actions: ['cancel'] }
    case 'retrying':
      return {
        kind: 'retrying',
        text: [attemptText(message), reasonText(message), nextText(message, now)].filter(Boolean).join(' · '),
        detail: message.error && problemText(message.error).detail,
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
  return left > 0 ? t('status.queuedFor', { duration: aboutDuration(left) }) : t('status.queuedNow')
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
