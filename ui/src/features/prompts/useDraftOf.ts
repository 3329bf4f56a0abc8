// What is being written in the template editor; it survives a closed dialog and a reload.
import { reactive, watch } from 'vue'
import type { PromptInput } from '@/api/types'
import { store, stored } from '@/lib/storage'

const keyOf = (id: string): string => `prompt-draft.${id}`

function isInput(value: unknown): value is PromptInput {
  if (typeof value !== 'object' || value === null) return false
  const { name, text, variables } = value as Record<string, unknown>
  return typeof name === 'string' && typeof text === 'string' && Array.isArray(variables)
}

export function useDraftOf(id: string, initial: PromptInput): { value: PromptInput; forget: () => void } {
  const key = keyOf(id)
  // A copy by way of JSON, as structuredClone takes none of Vue's proxies, and templates of the store are made of them.
  const value = reactive<PromptInput>(stored(key, isInput) ?? (JSON.parse(JSON.stringify(initial)) as PromptInput))
  let forgotten = false
  watch(value, () => {
    if (!forgotten) store(key, value)
  })
  return {
    value,
    forget() {
      forgotten = true
      store(key, undefined)
    },
  }
}

/** Forgets what a template that is gone was to be changed to. */
export function forgetDraftOf(id: string): void {
  store(keyOf(id), undefined)
}
