// The text being written, per chat, kept over reloads.
import { onScopeDispose, ref, watch, type Ref } from 'vue'
import { useListener } from '@/lib/usePage'
import { isString, store, stored } from '@/lib/storage'

const saveMillis = 200

/** The draft of the chat (undefined: of the next new chat); follows when the chat changes. */
export function useDraft(chatId: Ref<string | undefined>): Ref<string> {
  const keyOf = (id: string | undefined) => `draft.${id ?? 'new'}`
  let key = keyOf(chatId.value)
  const text = ref(stored(key, isString) ?? '')
  let timer: ReturnType<typeof setTimeout> | undefined

  function save(): void {
    clearTimeout(timer)
    timer = undefined
    store(key, text.value === '' ? undefined : text.value)
  }

  watch(text, (value) => {
    if (value === '') save()
    else timer ??= setTimeout(save, saveMillis)
  }, { flush: 'sync' })
  watch(chatId, (id) => {
    save()
    key = keyOf(id)
    text.value = stored(key, isString) ?? ''
  }, { flush: 'sync' })
  useListener(window, 'pagehide', save)
  onScopeDispose(save)
  return text
}

/** Forgets the draft of a chat that is gone. */
export function forgetDraft(chatId: string): void {
  store(`draft.${chatId}`, undefined)
}
