// The user's chats as far as they have been scrolled to: all, those of a folder, or those put away.
import { defineStore } from 'pinia'
import { computed, ref } from 'vue'
import { api, answered, dataOf } from '@/api/client'
import { sentenceOf } from '@/api/errors'
import type { Chat, ChatChange, GenerationSettings } from '@/api/types'
import { belongsTo, placeChat, type ChatView } from './groups'

const mostPinned = 100

export const useChats = defineStore('chats', () => {
  const chats = ref<Chat[]>([])
  const pinned = ref<Chat[]>([])
  const folders = ref<{ name: string; chats: number }[]>([])
  const hasArchived = ref(false)
  const view = ref<ChatView>({ kind: 'all' })
  const next = ref<string>()
  const loaded = ref(false)
  const loading = ref(false)
  const error = ref<string>()

  /** Loads the next page; the first one when there is none yet. */
  async function more(): Promise<void> {
    if (loading.value || (loaded.value && next.value === undefined)) return
    await load(next.value)
  }

  /** Looks at the first page again: other tabs and devices change things too. */
  async function refresh(): Promise<void> {
    if (!loading.value) await load(undefined)
  }

  /** Shows other chats. */
  function show(wanted: ChatView): void {
    view.value = wanted
    chats.value = []
    next.value = undefined
    loaded.value = false
    void load(undefined)
  }

  async function load(cursor: string | undefined): Promise<void> {
    const shown = view.value
    loading.value = true
    try {
      const which = shown.kind === 'archived' ? { archived: true } : shown.kind === 'folder' ? { folder: shown.name } : {}
      const page = await dataOf(api.GET('/api/chats', { params: { query: { ...which, limit: 40, cursor } } }))
      if (view.value !== shown) return
      const items = page.items.map(newest)
      if (cursor === undefined && !reachesFurther(items)) {
        chats.value = items
        next.value = page.next
      } else {
        chats.value = items.reduce<Chat[]>(placeChat, chats.value)
        if (cursor !== undefined) next.value = page.next
      }
      loaded.value = true
      error.value = undefined
      if (cursor === undefined) await loadOrder()
    } catch (cause) {
      if (view.value === shown) error.value = sentenceOf(cause)
    } finally {
      if (view.value === shown) loading.value = false
    }
  }

  /** What orders the list: pinned chats, folders, and whether there is an archive. */
  async function loadOrder(): Promise<void> {
    const [pins, names, away] = await Promise.all([
      dataOf(api.GET('/api/chats', { params: { query: { pinned: true, limit: mostPinned } } })),
      dataOf(api.GET('/api/chats/folders')),
      dataOf(api.GET('/api/chats', { params: { query: { archived: true, limit: 1 } } })),
    ])
    pinned.value = pins.items.map(newest)
    folders.value = names.items
    hasArchived.value = away.items.length > 0
  }

  /** A page may have been read before what an event has told since. */
  function newest(chat: Chat): Chat {
    const known = chats.value.find(({ id }) => id === chat.id) ?? pinned.value.find(({ id }) => id === chat.id)
    return known && Date.parse(known.updatedAt) > Date.parse(chat.updatedAt) ? known : chat
  }

  /** Whether more is shown than the page covers: then the page is merged in, so that nothing jumps away. */
  function reachesFurther(page: readonly Chat[]): boolean {
    return chats.value.length > page.length && page.length > 0
  }

  async function create(settings?: GenerationSettings): Promise<Chat> {
    const chat = await dataOf(api.POST('/api/chats', { body: settings ? { settings } : {} }))
    put(chat)
    return chat
  }

  async function change(id: string, changes: ChatChange): Promise<void> {
    put(await dataOf(api.PATCH('/api/chats/{chatId}', { params: { path: { chatId: id } }, body: changes })))
    if (changes.folder !== undefined || changes.archived !== undefined) await loadOrder()
  }

  const rename = (id: string, title: string) => change(id, { title })

  async function remove(id: string): Promise<void> {
    await answered(api.DELETE('/api/chats/{chatId}', { params: { path: { chatId: id } } }))
    drop(id)
  }

  /** Takes in a chat that something else has told about. */
  function put(chat: Chat): void {
    const others = pinned.value.filter((other) => other.id !== chat.id)
    pinned.value = chat.pinned && !chat.archived ? placeChat(others, chat) : others
    chats.value = belongsTo(chat, view.value) ? placeChat(chats.value, chat) : chats.value.filter((other) => other.id !== chat.id)
  }

  function drop(id: string): void {
    chats.value = chats.value.filter((chat) => chat.id !== id)
    pinned.value = pinned.value.filter((chat) => chat.id !== id)
  }

  return {
    chats,
    pinned,
    folders,
    hasArchived,
    view,
    loaded,
    loading,
    error,
    hasMore: computed(() => !loaded.value || next.value !== undefined),
    more,
    refresh,
    show,
    create,
    change,
    rename,
    remove,
    put,
    drop,
  }
})
