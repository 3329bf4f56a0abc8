// The user's chats as far as they have been scrolled to.
import { defineStore } from 'pinia'
import { computed, ref } from 'vue'
import { api, answered, dataOf } from '@/api/client'
import { sentenceOf } from '@/api/errors'
import type { Chat, ChatChange, GenerationSettings } from '@/api/types'
import { placeChat } from './groups'

export const useChats = defineStore('chats', () => {
  const chats = ref<Chat[]>([])
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

  async function load(cursor: string | undefined): Promise<void> {
    loading.value = true
    try {
      const page = await dataOf(api.GET('/api/chats', { params: { query: { limit: 40, cursor } } }))
      if (cursor === undefined && !reachesFurther(page.items)) {
        chats.value = page.items
        next.value = page.next
      } else {
        chats.value = page.items.reduce<Chat[]>(placeChat, chats.value)
        if (cursor !== undefined) next.value = page.next
      }
      loaded.value = true
      error.value = undefined
    } catch (cause) {
      error.value = sentenceOf(cause)
    } finally {
      loading.value = false
    }
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
  }

  const rename = (id: string, title: string) => change(id, { title })

  async function remove(id: string): Promise<void> {
    await answered(api.DELETE('/api/chats/{chatId}', { params: { path: { chatId: id } } }))
    drop(id)
  }

  /** Takes in a chat that something else has told about. */
  function put(chat: Chat): void {
    // The list is of those that are not put away.
    if (chat.archived) drop(chat.id)
    else chats.value = placeChat(chats.value, chat)
  }

  function drop(id: string): void {
    chats.value = chats.value.filter((chat) => chat.id !== id)
  }

  return {
    chats,
    loaded,
    loading,
    error,
    hasMore: computed(() => !loaded.value || next.value !== undefined),
    more,
    refresh,
    create,
    change,
    rename,
    remove,
    put,
    drop,
  }
})
