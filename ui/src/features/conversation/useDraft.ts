// The text being written, per chat, kept over reloads and in step with other tabs.
import { onScopeDispose, ref, watch, type Ref } from 'vue'
import { useListener } from '@/lib/usePage'
import { useStored } from '@/lib/storage'
import { draftKey, keepText, keptText, onForgotten, textOf } from './drafts'

const saveMillis = 200

/**
 * The draft of the chat (undefined: of the next new chat); follows when the chat changes. `isSame` says of two ids whether they
 * are one chat, before and after it was made: then what is being written goes along.
 */
export function useDraft(chatId: Ref<string | undefined>, isSame: (before: string, after: string) => boolean = () => false): Ref<string> {
  let key = draftKey(chatId.value)
  const text = ref(keptText(key) ?? '')
  let timer: ReturnType<typeof setTimeout> | undefined

  function settle(): void {
    clearTimeout(timer)
    timer = undefined
  }

  function save(): void {
    settle()
    // What is stored already has not become newer by being looked at.
    if (text.value !== (keptText(key) ?? '')) keepText(key, text.value === '' ? undefined : text.value)
  }

  watch(text, (value) => {
    if (value === '') save()
    else timer ??= setTimeout(save, saveMillis)
  }, { flush: 'sync' })
  watch(chatId, (id, before) => {
    const same = id !== undefined && before !== undefined && isSame(before, id)
    if (same) keepText(key, undefined)
    else save()
    key = draftKey(id)
    if (same) save()
    else text.value = keptText(key) ?? ''
  }, { flush: 'sync' })
  useStored('draft.', (changed, value) => {
    // The tab in which somebody writes has the last word.
    if (changed !== key || document.hasFocus()) return
    settle()
    text.value = textOf(value) ?? ''
  })
  onScopeDispose(
    onForgotten((forgotten) => {
      if (forgotten === key) text.value = ''
    }),
  )
  useListener(window, 'pagehide', save)
  onScopeDispose(save)
  return text
}
