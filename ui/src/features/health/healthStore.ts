// The state of Parley, looked at now and then while somebody looks at the page, and at once after an error.
import { defineStore } from 'pinia'
import { computed, ref, shallowRef, watch } from 'vue'
import { api, onFailure } from '@/api/client'
import { NetworkError } from '@/api/errors'
import type { Health, Model } from '@/api/types'
import { isString, store, stored } from '@/lib/storage'
import { useListener, useOnline, useVisible } from '@/lib/usePage'
import { bannerFor, type HealthState } from './banner'

const everyMillis = 30_000
const troubledMillis = 5_000
/** Errors come in bunches: one look for all of them. */
const settleMillis = 400

export const useHealth = defineStore('health', () => {
  const state = shallowRef<HealthState>({ known: false })
  const models = ref<Model[]>([])
  const fake = ref(false)
  const model = ref(stored('model', isString))
  const online = useOnline()
  const visible = useVisible()
  let timer: ReturnType<typeof setTimeout> | undefined
  let looking = false

  function isHealth(value: unknown): value is Health {
    return typeof value === 'object' && value !== null && 'checks' in value && 'status' in value
  }

  async function look(): Promise<void> {
    if (looking) return
    looking = true
    clearTimeout(timer)
    try {
      const { data, error, response } = await api.GET('/api/health')
      const body: unknown = data ?? error
      if (isHealth(body)) state.value = { known: true, reachable: true, health: body }
      else state.value = response.ok ? { known: false } : { known: true, reachable: false }
      if (models.value.length === 0) await loadModels()
    } catch {
      state.value = { known: true, reachable: false }
    } finally {
      looking = false
      const well = state.value.known && state.value.reachable && state.value.health.status === 'healthy'
      if (visible.value) lookIn(well ? everyMillis : troubledMillis)
    }
  }

  function lookIn(millis: number): void {
    clearTimeout(timer)
    timer = setTimeout(() => void look(), millis)
  }

  async function loadModels(): Promise<void> {
    const { data } = await api.GET('/api/models')
    if (!data) return
    models.value = data.items
    fake.value = data.fake
  }

  /** Chooses the model of the next messages; undefined leaves it to the installation. */
  function choose(id: string | undefined): void {
    model.value = id
    store('model', id)
  }

  onFailure((error) => {
    if (error instanceof NetworkError || error.problem.status >= 500) lookIn(settleMillis)
  })
  watch(visible, (is) => (is ? void look() : clearTimeout(timer)))
  useListener(window, 'online', () => void look())
  useListener(window, 'offline', () => void look())
  void look()

  return {
    state,
    reachable: computed(() => state.value.known && state.value.reachable),
    online,
    models,
    fake,
    /** The chosen model while the installation still has it. */
    model: computed(() => (models.value.some(({ id }) => id === model.value) ? model.value : undefined)),
    choose,
    banner: computed(() => bannerFor(online.value, state.value)),
  }
})
