import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it } from 'vitest'
import { useChats } from '@/features/chats/chatsStore'
import { chat, json, stubApi } from '../support'

beforeEach(() => setActivePinia(createPinia()))

describe('the list of chats', () => {
  it('does not forget what it was told while it was being read', async () => {
    const created = { ...chat, title: '', updatedAt: '2026-03-04T10:00:00Z' }
    const named = { ...created, title: 'Begun on a train', updatedAt: '2026-03-04T10:00:01.5Z' }
    let answer!: (response: Response) => void
    const list = new Promise<Response>((resolve) => (answer = resolve))
    stubApi(({ url }) => {
      if (url.includes('folders')) return json(200, { items: [] })
      return url.includes('pinned') || url.includes('archived') ? json(200, { items: [] }) : list
    })
    const chats = useChats()
    chats.put(created)
    const reading = chats.refresh()
    chats.put(named)
    answer(json(200, { items: [created] }))
    await reading
    expect(chats.chats).toEqual([named])
  })

  it('takes what is newer than what it knows', async () => {
    const known = { ...chat, title: 'Before', updatedAt: '2026-03-04T10:00:00Z' }
    const later = { ...known, title: 'After', updatedAt: '2026-03-04T10:00:01Z' }
    stubApi(({ url }) => json(200, { items: url.includes('folders') || url.includes('pinned') || url.includes('archived') ? [] : [later] }))
    const chats = useChats()
    chats.put(known)
    await chats.refresh()
    expect(chats.chats).toEqual([later])
  })
})
