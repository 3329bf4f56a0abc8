// The text being written, per chat, kept over reloads and in step with other tabs.
import { onScopeDispose, ref, watch, type Ref } from 'vue'
import { useListener } from '@/lib/usePage'
import { isString, keepLast, store, stored, useStored } from '@/lib/storage'

const saveMillis = 200
/** So many drafts, and messages being changed, are kept: those of chats deleted elsewhere are never asked for again. */
const mostDrafts = 200

/**
 * The draft of the chat (undefined: of the next new chat); follows when the chat changes. `isSame` says of two ids whether they
 * are one chat, before and after it was made: then what is being written goes along.
 */
export function useDraft(chatId: Ref<string | undefined>, isSame: (before: string, after: string) => boolean = () => false): Ref<string> {
  const keyOf = (id: string | undefined) => `draft.${id ?? 'new'}`
  keepLast('draft.', mostDrafts)
  keepLast('edit.', mostDrafts)
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
  watch(chatId, (id, before) => {
    const same = id !== undefined && before !== undefined && isSame(before, id)
    if (same) store(key, undefined)
    else save()
    key = keyOf(id)
    if (same) save()
    else text.value = stored(key, isString) ?? ''
  }, { flush: 'sync' })
  useStored('draft.', (changed, value) => {
    // The tab in which somebody writes has the last word.
    if (changed !== key || document.hasFocus()) return
    clearTimeout(timer)
    timer = undefined
    text.value = isString(value) ? value : ''
  })
  useListener(window, 'pagehide', save)
  onScopeDispose(save)
  return text
}

/** Forgets the draft of a chat that is gone. */
export function forgetDraft(chatId: string): void {
  store(`draft.${chatId}`, undefined)
}
