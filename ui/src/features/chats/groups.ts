// The chat list in groups by date.
import { formatDate, t } from '@/i18n'
import type { Chat } from '@/api/types'

export interface ChatGroup {
  title: string
  chats: Chat[]
}

/** Groups of chats in the given order (the most recently changed first), as seen at `now`, by local calendar days. */
export function groupChats(chats: readonly Chat[], now: Date): ChatGroup[] {
  const groups: ChatGroup[] = []
  for (const chat of chats) {
    const title = groupTitle(new Date(chat.updatedAt), now)
    const last = groups.at(-1)
    if (last?.title === title) last.chats.push(chat)
    else groups.push({ title, chats: [chat] })
  }
  return groups
}

function groupTitle(date: Date, now: Date): string {
  const days = calendarDays(date, now)
  if (days <= 0) return t('chats.today')
  if (days === 1) return t('chats.yesterday')
  if (days < 7) return t('chats.week')
  if (days < 30) return t('chats.month')
  return formatDate(date, {
    month: 'long',
    ...(date.getFullYear() === now.getFullYear() ? {} : { year: 'numeric' }),
  })
}

/** Whole days by the calendar, so that a day with 23 or 25 hours counts as one. */
function calendarDays(from: Date, to: Date): number {
  const midnight = (date: Date) => Date.UTC(date.getFullYear(), date.getMonth(), date.getDate())
  return Math.round((midnight(to) - midnight(from)) / 86_400_000)
}

/** The chats with one put where its `updatedAt` says: new or changed. */
export function placeChat(chats: readonly Chat[], chat: Chat): Chat[] {
  const others = chats.filter((other) => other.id !== chat.id)
  const at = others.findIndex((other) => Date.parse(other.updatedAt) <= Date.parse(chat.updatedAt))
  return at < 0 ? [...others, chat] : [...others.slice(0, at), chat, ...others.slice(at)]
}

/** What a chat is called while it has no title. */
export function titleOf(chat: Pick<Chat, 'title'>): string {
  return chat.title.trim() === '' ? t('app.newChat') : chat.title
}

/** Which chats the list shows. */
export type ChatView = { kind: 'all' } | { kind: 'archived' } | { kind: 'folder'; name: string }

export function belongsTo(chat: Chat, view: ChatView): boolean {
  if (view.kind === 'archived') return chat.archived
  return !chat.archived && (view.kind === 'all' || chat.folder === view.name)
}
