// Looks for words in all messages while they are being typed; only the answer to the latest words counts.
import { onScopeDispose, ref, shallowRef, watch, type Ref } from 'vue'
import { api, dataOf } from '@/api/client'
import { sentenceOf } from '@/api/errors'
import type { Hit } from '@/api/types'

const settleMillis = 180
const pageSize = 20
export const shortestWords = 2

export function useSearch(words: Ref<string>) {
  const hits = shallowRef<Hit[]>([])
  const searching = ref(false)
  const error = ref<string>()
  const next = ref<string>()
  let timer: ReturnType<typeof setTimeout> | undefined
  let controller: AbortController | undefined

  async function look(cursor?: string): Promise<void> {
    const q = words.value.trim()
    controller?.abort()
    const mine = new AbortController()
    controller = mine
    searching.value = true
    try {
      const page = await dataOf(api.GET('/api/search', { params: { query: { q, limit: pageSize, cursor } }, signal: mine.signal }))
      if (mine.signal.aborted) return
      hits.value = cursor === undefined ? page.items : [...hits.value, ...page.items]
      next.value = page.next
      error.value = undefined
    } catch (cause) {
      if (!mine.signal.aborted) error.value = sentenceOf(cause)
    } finally {
      if (controller === mine) searching.value = false
    }
  }

  watch(words, (text) => {
    clearTimeout(timer)
    if (text.trim().length < shortestWords) {
      controller?.abort()
      hits.value = []
      next.value = undefined
      searching.value = false
      error.value = undefined
      return
    }
    searching.value = true
    timer = setTimeout(() => void look(), settleMillis)
  })
  onScopeDispose(() => {
    clearTimeout(timer)
    controller?.abort()
  })

  return { hits, searching, error, hasMore: next, more: () => (next.value === undefined ? undefined : look(next.value)) }
}
