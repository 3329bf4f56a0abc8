// Asks for the latest messages again and again while there is no live stream; an unchanged page costs a 304.
import { answered, api } from '@/api/client'
import { ApiError } from '@/api/errors'
import type { MessagePage } from '@/api/types'

const quickMillis = 2_000
const slowMillis = 10_000

/** The wait after a poll: short after news, longer and longer without. */
export function nextPollMillis(last: number | undefined, changed: boolean): number {
  return changed || last === undefined ? quickMillis : Math.min(slowMillis, Math.round(last * 1.4))
}

export interface Poller {
  stop: () => void
  /** Asks now, and quickly again after it. */
  wake: () => void
}

export function startPolling(chatId: string, onPage: (page: MessagePage) => void, onGone: () => void): Poller {
  let stopped = false
  let etag: string | undefined
  let wait: number | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  let asking = false

  async function ask(): Promise<void> {
    if (stopped || asking) return
    asking = true
    let changed = false
    try {
      const { data, response } = await answered(
        api.GET('/api/chats/{chatId}/messages', {
          params: { path: { chatId }, ...(etag === undefined ? {} : { header: { 'If-None-Match': etag } }) },
        }),
      )
      if (data && !isStopped()) {
        etag = response.headers.get('etag') ?? undefined
        changed = true
        onPage(data)
      }
    } catch (error) {
      if (error instanceof ApiError && error.problem.status === 404 && !isStopped()) {
        stopped = true
        onGone()
      }
    } finally {
      asking = false
    }
    if (isStopped()) return
    wait = nextPollMillis(wait, changed)
    timer = setTimeout(() => void ask(), wait)
  }

  function isStopped(): boolean {
    return stopped
  }

  void ask()
  return {
    stop() {
      stopped = true
      clearTimeout(timer)
    },
    wake() {
      clearTimeout(timer)
      wait = undefined
      void ask()
    },
  }
}
