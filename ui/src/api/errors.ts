// What can go wrong with a request, as two types: the API said no, or nobody answered.
import { problemText, t, type TextKey } from '@/i18n'
import type { Problem } from './types'

/** The API answered with a problem. `retryAfterMillis` is its own wish for when to come back. */
export class ApiError extends Error {
  constructor(
    readonly problem: Problem,
    readonly retryAfterMillis?: number,
  ) {
    super(problem.detail)
    this.name = 'ApiError'
  }

  /** Whether the same request may well succeed a little later. */
  get passing(): boolean {
    return [408, 425, 429, 500, 502, 503, 504].includes(this.problem.status)
  }
}

/** No answer came: offline, the connection was cut, or it took too long. */
export class NetworkError extends Error {
  constructor(cause: unknown) {
    super('Parley could not be reached.', { cause })
    this.name = 'NetworkError'
  }
}

const plainWords: Record<number, TextKey> = {
  404: 'errors.notFound',
  413: 'errors.tooLarge',
  429: 'errors.tooMany',
  502: 'errors.gateway',
  503: 'errors.unavailable',
  504: 'errors.timeout',
}

/** The problem in a response's body, or one made from its status when a proxy answered in Parley's place. */
export function problemOf(status: number, body: unknown): Problem {
  if (typeof body === 'object' && body !== null && 'detail' in body && typeof body.detail === 'string') {
    return body as Problem
  }
  return {
    type: 'about:blank',
    title: `HTTP ${status}`,
    status,
    detail: t(plainWords[status] ?? 'errors.other', { status }),
  }
}

/** A Retry-After header (seconds or a date) in milliseconds from now. */
export function retryAfterMillis(header: string | null, now: number): number | undefined {
  if (header === null || header.trim() === '') return undefined
  const seconds = Number(header)
  const millis = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(header) - now
  return Number.isFinite(millis) ? Math.max(0, millis) : undefined
}

/** A sentence for the person who sees the page. */
export function sentenceOf(error: unknown): string {
  if (error instanceof ApiError) return problemText(error.problem).detail
  if (error instanceof NetworkError) return t('errors.network')
  return t('errors.page')
}

/** The form field that a problem names, without the path in front when `name` is all that is asked for. */
export function fieldOf(error: unknown): string | undefined {
  return error instanceof ApiError ? error.problem.field : undefined
}
