// Texts being written, kept over reloads: one for each chat, and one for each message that is being changed.
import { store, stored, storedKeys } from '@/lib/storage'

interface Draft {
  text: string
  /** When it was written, in milliseconds since 1970. */
  at: number
}

/** So many of either are kept: what was written in chats deleted at another device is never asked for again. */
const most = 200
const listeners = new Set<(key: string) => void>()

/** Of a chat; undefined: of the next new one. */
export const draftKey = (chatId: string | undefined): string => `draft.${chatId ?? 'new'}`
/** Of a message that is being changed. */
export const editKey = (chatId: string, messageId: string): string => `edit.${chatId}.${messageId}`

function isDraft(value: unknown): value is Draft {
  return typeof value === 'object' && value !== null && 'text' in value && typeof value.text === 'string' && 'at' in value && typeof value.at === 'number'
}

/** The text of a stored value. */
export const textOf = (value: unknown): string | undefined => (isDraft(value) ? value.text : undefined)
export const keptText = (key: string): string | undefined => stored(key, isDraft)?.text

/** Keeps a text, and drops the oldest when there are too many; undefined forgets it. */
export function keepText(key: string, text: string | undefined): void {
  if (text === undefined) {
    store(key, undefined)
    return
  }
  const isNew = stored(key, isDraft) === undefined
  store(key, { text, at: Date.now() } satisfies Draft)
  if (isNew) dropOldest(key.slice(0, key.indexOf('.') + 1), key)
}

function dropOldest(prefix: string, except: string): void {
  const others = storedKeys(prefix).filter((key) => key !== except)
  if (others.length < most) return
  const ages = others.map((key) => ({ key, at: stored(key, isDraft)?.at ?? 0 })).sort((a, b) => b.at - a.at)
  ages.slice(most - 1).forEach(({ key }) => store(key, undefined))
}

/** Forgets what was written in a chat that is gone, also in the composer that is open. */
export function forgetChat(chatId: string): void {
  store(draftKey(chatId), undefined)
  storedKeys(editKey(chatId, '')).forEach((key) => store(key, undefined))
  listeners.forEach((listener) => listener(draftKey(chatId)))
}

/** Forgets what messages that are gone were to be changed to. */
export function forgetMessages(chatId: string, messageIds: readonly string[]): void {
  messageIds.forEach((id) => store(editKey(chatId, id), undefined))
}

/** Tells of each chat's draft that is forgotten, by its key. Returns what ends that. */
export function onForgotten(listener: (key: string) => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}
