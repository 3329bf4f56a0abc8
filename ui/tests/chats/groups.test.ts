import { describe, expect, it } from 'vitest'
import { belongsTo, groupChats, placeChat, titleOf } from '@/features/chats/groups'
import type { Chat } from '@/api/types'

const now = new Date(2026, 2, 30, 0, 30)

function chat(id: string, updated: Date): Chat {
  return { id, title: id, createdAt: updated.toISOString(), pinned: false, archived: false, updatedAt: updated.toISOString() }
}

/** A day of March 2026, local time, an hour before midnight. */
const march = (day: number) => new Date(2026, 2, day, 23)

describe('the chat list', () => {
  it('is grouped by calendar days, not by hours', () => {
    const chats = [
      chat('future', march(31)),
      chat('now', now),
      chat('yesterday', march(29)),
      chat('two', march(28)),
      chat('six', march(24)),
      chat('seven', march(23)),
      chat('month', march(1)),
      chat('february', new Date(2026, 1, 28, 12)),
      chat('last year', new Date(2025, 2, 30, 12)),
    ]
    expect(groupChats(chats, now).map(({ title, chats: of }) => [title, of.map(({ id }) => id)])).toEqual([
      ['Today', ['future', 'now']],
      ['Yesterday', ['yesterday']],
      ['Last 7 days', ['two', 'six']],
      ['Last 30 days', ['seven', 'month']],
      ['February', ['february']],
      ['March 2025', ['last year']],
    ])
    expect(groupChats([], now)).toEqual([])
  })

  it('puts a changed chat where its time says, once', () => {
    const chats = [chat('a', march(20)), chat('b', march(10)), chat('c', march(5))]
    const ids = (changed: Chat) => placeChat(chats, changed).map(({ id }) => id)
    expect(ids(chat('c', march(21)))).toEqual(['c', 'a', 'b'])
    expect(ids(chat('new', march(15)))).toEqual(['a', 'new', 'b', 'c'])
    expect(ids(chat('a', march(1)))).toEqual(['b', 'c', 'a'])
  })

  it('has a name for a chat without a title', () => {
    expect(titleOf({ title: ' ' })).toBe('New chat')
  })
})

describe('a list of chats', () => {
  const kept = { ...chat('a', new Date()), folder: 'Work' }

  it('has those that are not put away, all or of one folder, or those that are', () => {
    expect(belongsTo(kept, { kind: 'all' })).toBe(true)
    expect(belongsTo(kept, { kind: 'folder', name: 'Work' })).toBe(true)
    expect(belongsTo(kept, { kind: 'folder', name: 'Home' })).toBe(false)
    expect(belongsTo(kept, { kind: 'archived' })).toBe(false)
    const away = { ...kept, archived: true }
    expect(belongsTo(away, { kind: 'all' })).toBe(false)
    expect(belongsTo(away, { kind: 'folder', name: 'Work' })).toBe(false)
    expect(belongsTo(away, { kind: 'archived' })).toBe(true)
  })
})
