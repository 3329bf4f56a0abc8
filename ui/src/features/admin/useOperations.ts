// What an operator sees: workers, quota groups and dead letters, asked for anew every few seconds while somebody looks.
import { onScopeDispose, ref, watch } from 'vue'
import { api, dataOf } from '@/api/client'
import { sentenceOf } from '@/api/errors'
import type { DeadLetter, DeadLetterCounts, KeyGroup, Worker } from '@/api/types'
import { t } from '@/i18n'
import { useVisible } from '@/lib/usePage'

/** The workers' heartbeats come every 5 s: sooner there is nothing new. */
const everyMillis = 5_000

export function useOperations() {
  const workers = ref<Worker[]>([])
  const groups = ref<KeyGroup[]>([])
  const letters = ref<DeadLetter[]>([])
  const total = ref(0)
  const loaded = ref(false)
  const error = ref<string>()
  const visible = useVisible()
  let timer: ReturnType<typeof setTimeout> | undefined
  let ended = false

  async function load(): Promise<void> {
    clearTimeout(timer)
    try {
      const [said, keys, dead] = await Promise.all([
        dataOf(api.GET('/api/admin/workers')),
        dataOf(api.GET('/api/admin/keys')),
        dataOf(api.GET('/api/admin/dead-letters', { params: { query: { limit: 50 } } })),
      ])
      workers.value = said.items
      groups.value = keys.items
      letters.value = dead.items
      total.value = dead.total
      loaded.value = true
      error.value = undefined
    } catch (cause) {
      error.value = sentenceOf(cause)
    }
    if (!ended && visible.value) timer = setTimeout(() => void load(), everyMillis)
  }

  watch(
    visible,
    (is) => {
      if (is) void load()
      else clearTimeout(timer)
    },
    { immediate: true },
  )
  onScopeDispose(() => {
    ended = true
    clearTimeout(timer)
  })

  /** Tries one letter again, or all of them. */
  async function redrive(letterId?: string): Promise<DeadLetterCounts> {
    const counts = await dataOf(
      letterId === undefined
        ? api.POST('/api/admin/dead-letters/redrive')
        : api.POST('/api/admin/dead-letters/{letterId}/redrive', { params: { path: { letterId } } }),
    )
    await load()
    return counts
  }

  /** Removes one letter, or all of them, for good. */
  async function drop(letterId?: string): Promise<DeadLetterCounts> {
    const counts = await dataOf(
      letterId === undefined
        ? api.DELETE('/api/admin/dead-letters')
        : api.DELETE('/api/admin/dead-letters/{letterId}', { params: { path: { letterId } } }),
    )
    await load()
    return counts
  }

  function inspect(letterId: string): Promise<DeadLetter> {
    return dataOf(api.GET('/api/admin/dead-letters/{letterId}', { params: { path: { letterId } } }))
  }

  return { workers, groups, letters, total, loaded, error, load, redrive, drop, inspect }
}

/** What an action on dead letters came to, in a sentence. */
export function outcome(counts: DeadLetterCounts): string {
  const parts = [
    counts.redriven > 0 && t('admin.redriven', { n: counts.redriven }),
    counts.dropped > 0 && t('admin.dropped', { n: counts.dropped }),
    counts.obsolete > 0 && t('admin.obsolete', { n: counts.obsolete }),
    counts.kept > 0 && t('admin.keptBack', { n: counts.kept }),
  ].filter((part) => part !== false)
  const done = parts.length === 0 ? t('admin.nothingDone') : parts.join(', ')
  return counts.remaining > 0 ? t('admin.left', { done, n: counts.remaining }) : t('admin.noneLeft', { done })
}
