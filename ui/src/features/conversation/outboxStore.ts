// The page's outbox: what was sent here stays until the API has accepted it, over cut lines, reloads and closed tabs.
import { defineStore } from 'pinia'
import { ref, shallowRef } from 'vue'
import { api, dataOf } from '@/api/client'
import { ApiError, sentenceOf } from '@/api/errors'
import type { GenerationSettings, NewMessage, Sent } from '@/api/types'
import { useChats } from '@/features/chats/chatsStore'
import { backoffMillis } from '@/lib/backoff'
import { randomId } from '@/lib/ids'
import { store, stored, storedKeys, useStored } from '@/lib/storage'
import { isLocalChat, isOutgoing, localChatId, quickAttempts, resendMillis, type Outgoing } from './outgoing'

/** Each message is kept by itself, so that tabs do not write over one another's. */
const prefix = 'outgoing.'

/** Runs `action` while no other tab runs one of this name; where the browser has no locks, the Idempotency-Key must do. */
async function exclusively(name: string, action: () => Promise<void>): Promise<void> {
  if ('locks' in navigator) await navigator.locks.request(name, action)
  else await action()
}

export const useOutbox = defineStore('outbox', () => {
  const entries = ref<Outgoing[]>(
    storedKeys(prefix)
      .flatMap((key) => stored(key, isOutgoing) ?? [])
      .map((entry): Outgoing => (entry.state === 'refused' ? entry : { ...entry, state: 'sending' }))
      .sort((a, b) => a.createdAt - b.createdAt),
  )
  /** The newest acceptance, for the conversation that is open. */
  const accepted = shallowRef<Sent>()
  /** The newest chat that was made for a message, and the local id it had. */
  const moved = shallowRef<{ from: string; to: string }>()
  /** Those that the storage holds: when it does not any more, another tab has seen to them. */
  const kept = new Set(entries.value.map((entry) => entry.key))
  const running = new Set<string>()
  const waiting = new Set<() => void>()

  function put(entry: Outgoing): void {
    if (store(prefix + entry.key, entry)) kept.add(entry.key)
    take(entry)
  }

  function take(entry: Outgoing): void {
    const others = entries.value.filter((other) => other.key !== entry.key)
    entries.value = [...others, entry].sort((a, b) => a.createdAt - b.createdAt)
  }

  function change(key: string, change: Partial<Outgoing>): void {
    const entry = entries.value.find((other) => other.key === key)
    if (entry) put({ ...entry, ...change })
  }

  function remove(key: string): void {
    entries.value = entries.value.filter((entry) => entry.key !== key)
    kept.delete(key)
    store(prefix + key, undefined)
  }

  useStored(prefix, (key, value) => {
    const id = key.slice(prefix.length)
    if (isOutgoing(value)) {
      kept.add(id)
      take(value)
    } else {
      kept.delete(id)
      entries.value = entries.value.filter((entry) => entry.key !== id)
    }
  })

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
      await exclusively(`parley-outbox-${chatId}`, () => sendAll(chatId))
    } finally {
      running.delete(chatId)
    }
  }

  async function sendAll(chatId: string): Promise<void> {
    let attempts = 0
    for (;;) {
      const entry = entries.value.find((other) => other.chatId === chatId)
      if (!entry || entry.state === 'refused') return
      if (kept.has(entry.key) && stored(prefix + entry.key, isOutgoing)?.chatId !== chatId) {
        // Another tab has sent it, or made its chat, while this one waited for its turn.
        entries.value = entries.value.filter((other) => other.key !== entry.key)
        continue
      }
      try {
        attempts += 1
        if (isLocalChat(chatId)) {
          await makeChat(chatId, entry.settings)
          return
        }
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
          change(entry.key, { state: 'refused', problem: sentenceOf(error) })
          return
        }
        if (attempts >= quickAttempts || (!(error instanceof ApiError) && !navigator.onLine)) {
          change(entry.key, { state: 'unreachable', problem: sentenceOf(error) })
        }
        await wait(millis)
      }
    }
  }

  /** Makes the chat that messages were written for, and lets them follow it. */
  async function makeChat(from: string, settings: GenerationSettings | undefined): Promise<void> {
    const { id } = await useChats().create(settings)
    for (const entry of entries.value.filter((other) => other.chatId === from)) change(entry.key, { chatId: id })
    moved.value = { from, to: id }
    void run(id)
  }

  /**
   * Takes a message into the outbox and sends it; without a chat, one is made for it, with the settings. `after` is the id of the
   * last message that is shown. Returns the id of the chat, which is a local one until the chat is made.
   */
  function send(chat: string | undefined, body: NewMessage, content: string, after?: string, settings?: GenerationSettings): string {
    const key = randomId()
    const chatId = chat ?? localChatId(key)
    const createdAt = Math.max(Date.now(), (entries.value.at(-1)?.createdAt ?? 0) + 1)
    put({ key, chatId, body, content, after, createdAt, state: 'sending', ...(settings ? { settings } : {}) })
    void run(chatId)
    return chatId
  }

  /** Sends again what could not be sent; the same key, so that it never counts twice. */
  function resend(key: string): void {
    const entry = entries.value.find((other) => other.key === key)
    if (!entry) return
    change(key, { state: 'sending', problem: undefined })
    waiting.forEach((wakeUp) => wakeUp())
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
    entries.value.filter((entry) => entry.chatId === chatId).forEach((entry) => remove(entry.key))
  }

  /** Tries everything that waits, now: the browser is online again, or the page was opened. */
  function wake(): void {
    waiting.forEach((wakeUp) => wakeUp())
    new Set(entries.value.map((entry) => entry.chatId)).forEach((chatId) => void run(chatId))
  }

  return { entries, accepted, moved, send, resend, withdraw, forget, wake }
})
