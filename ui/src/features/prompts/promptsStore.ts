// The user's prompt templates.
import { defineStore } from 'pinia'
import { ref } from 'vue'
import { api, answered, dataOf } from '@/api/client'
import { sentenceOf } from '@/api/errors'
import type { Prompt, PromptInput } from '@/api/types'

/** More than any person keeps; a bound all the same. */
const maxPages = 10

export const usePrompts = defineStore('prompts', () => {
  const prompts = ref<Prompt[]>([])
  const loaded = ref(false)
  const error = ref<string>()

  async function load(): Promise<void> {
    try {
      const all: Prompt[] = []
      let cursor: string | undefined
      for (let page = 0; page < maxPages; page += 1) {
        const { items, next } = await dataOf(api.GET('/api/prompts', { params: { query: { limit: 100, cursor } } }))
        all.push(...items)
        cursor = next
        if (cursor === undefined) break
      }
      prompts.value = all
      loaded.value = true
      error.value = undefined
    } catch (cause) {
      error.value = sentenceOf(cause)
    }
  }

  /** Saves a new template, or the one with the id. */
  async function save(id: string | undefined, input: PromptInput): Promise<Prompt> {
    const prompt = await dataOf(
      id === undefined
        ? api.POST('/api/prompts', { body: input })
        : api.PUT('/api/prompts/{promptId}', { params: { path: { promptId: id } }, body: input }),
    )
    prompts.value = [...prompts.value.filter((other) => other.id !== prompt.id), prompt].sort((a, b) =>
      a.name.localeCompare(b.name),
    )
    return prompt
  }

  async function remove(id: string): Promise<void> {
    await answered(api.DELETE('/api/prompts/{promptId}', { params: { path: { promptId: id } } }))
    prompts.value = prompts.value.filter((prompt) => prompt.id !== id)
  }

  return { prompts, loaded, error, load, save, remove }
})
