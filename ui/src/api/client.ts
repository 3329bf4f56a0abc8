// The typed client of the API. Every call has a timeout, and fails only as ApiError or NetworkError.
import createClient, { type Middleware } from 'openapi-fetch'
import { clock } from '@/lib/clock'
import { ApiError, NetworkError, problemOf, retryAfterMillis } from './errors'
import type { paths } from './generated/schema'

const timeoutMillis = 20_000

/** Called with every failure, so that whoever watches the health looks at once. */
export type FailureListener = (error: ApiError | NetworkError) => void
const listeners = new Set<FailureListener>()
export function onFailure(listener: FailureListener): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}
export function reportFailure(error: ApiError | NetworkError): void {
  listeners.forEach((listener) => listener(error))
}

const serverTime: Middleware = {
  onResponse({ response }) {
    clock.learn(response.headers.get('date'))
  },
}

export const api = createClient<paths>({
  baseUrl: location.origin,
  fetch: (request) => fetch(new Request(request, { signal: AbortSignal.any([request.signal, AbortSignal.timeout(timeoutMillis)]) })),
})
api.use(serverTime)

interface Answered<T> {
  data?: T
  error?: unknown
  response: Response
}

/** The response with its data; throws ApiError or NetworkError. A 304 counts as an answer without data. */
export async function answered<T>(call: Promise<Answered<T>>): Promise<{ data: T | undefined; response: Response }> {
  let answer: Answered<T>
  try {
    answer = await call
  } catch (cause) {
    const error = new NetworkError(cause)
    reportFailure(error)
    throw error
  }
  const { response } = answer
  if (response.ok || response.status === 304) return { data: answer.data, response }
  const error = new ApiError(
    problemOf(response.status, answer.error),
    retryAfterMillis(response.headers.get('retry-after'), Date.now()),
  )
  reportFailure(error)
  throw error
}

/** The data of a response that must have some. */
export async function dataOf<T>(call: Promise<Answered<T>>): Promise<T> {
  const { data, response } = await answered(call)
  if (data === undefined) throw new ApiError(problemOf(response.status, undefined))
  return data
}
