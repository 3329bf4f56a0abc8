// The page's outbox: what was sent here stays until the API has accepted it, over cut lines and reloads.
import { defineStore } from 'pinia'
import { ref, shallowRef } from 'vue'
import { api, dataOf } from '@/api/client'
import { ApiError, sentenceOf } from '@/api/errors'
import type { NewMessage, Sent } from '@/api/types'
import { backoffMillis } from '@/lib/backoff'
import { randomId } from '@/lib/ids'
import { store, stored } from '@/lib/storage'
import { isOutgoingList, resendMillis, type Outgoing } from './outgoing'

export const useOutbox = defineStore('outbox', () => {
  const entries = ref<Outgoing[]>((stored('outbox', isOutgoingList) ?? []).map((entry) => ({ ...entry, state: 'sending' })))
  /** The newest acceptance, for the conversation that is open. */
  const accepted = shallowRef<Sent>()
  const running = new Set<string>()
  const waiting = new Set<() => void>()

  function save(): void {
    store('outbox', entries.value.length > 0 ? entries.value : undefined)
  }

  function change(key: string, change: Partial<Outgoing>): void {
    entries.value = entries.value.map((entry) => (entry.key === key ? { ...entry, ...change } : entry))
    save()
  }

  function remove(key: string): void {
    entries.value = entries.value.filter((entry) => entry.key !== key)
    save()
  }

  function wait(millis: number): Promise<void> {
    return new Promise((resolve) => {
      const wakeUp = () => {
        clearTimeout(timer)
        waiting.delete(wakeUp)
        resolve()
      }
      const timer = setTimeout(wakeUp, millis)
      waiting.add(wakeUp)
    })
  }

  /** Sends a chat's messages one after the other, so that they arrive in the order they were written. */
  async function run(chatId: string): Promise<void> {
    if (running.has(chatId)) return
    running.add(chatId)
    try {
      let attempts = 0
      for (;;) {
        const entry = entries.value.find((other) => other.chatId === chatId)
        if (entry?.state !== 'sending') return
        try {
          attempts += 1
          const sent = await dataOf(
            api.POST('/api/chats/{chatId}/messages', {
              params: { path: { chatId }, header: { 'Idempotency-Key': entry.key } },
              body: entry.body,
            }),
          )
          accepted.value = sent
          remove(entry.key)
          attempts = 0
        } catch (error) {
          const millis = resendMillis(error, attempts, (failures) => backoffMillis(failures, 500, 8_000, Math.random))
          if (millis === undefined) {
            const refused = error instanceof ApiError && !error.passing
            change(entry.key, { state: refused ? 'refused' : 'unreachable', problem: sentenceOf(error) })
            return
          }
          await wait(millis)
        }
      }
    } finally {
      running.delete(chatId)
    }
  }

  /** Takes a message into the outbox and sends it. `after` is the id of the last message that is shown. */
  function send(chatId: string, body: NewMessage, content: string, after: string | undefined): void {
    const entry: Outgoing = { key: randomId(), chatId, body, content, after, createdAt: Date.now(), state: 'sending' }
    entries.value = [...entries.value, entry]
    save()
    void run(chatId)
  }

  /** Sends again what could not be sent; the same key, so that it never counts twice. */
  function resend(key: string): void {
    const entry = entries.value.find((other) => other.key === key)
    if (!entry) return
    change(key, { state: 'sending', problem: undefined })
    void run(entry.chatId)
  }

  /** Takes a message out again, for editing or for good. */
  function withdraw(key: string): Outgoing | undefined {
    const entry = entries.value.find((other) => other.key === key)
    remove(key)
    if (entry) void run(entry.chatId)
    return entry
  }

  /** Forgets the messages of a chat that is gone. */
  function forget(chatId: string): void {
    entries.value = entries.value.filter((entry) => entry.chatId !== chatId)
    save()
  }

  /** Tries everything that waits, now: the browser is online again, or the page was opened. */
  function wake(): void {
    waiting.forEach((wakeUp) => wakeUp())
    entries.value.filter((entry) => entry.state === 'unreachable').forEach((entry) => resend(entry.key))
    new Set(entries.value.map((entry) => entry.chatId)).forEach((chatId) => void run(chatId))
  }

  return { entries, accepted, send, resend, withdraw, forget, wake }
})
