import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { effectScope, ref, type EffectScope } from 'vue'
import { useHealth } from '@/features/health/healthStore'
import type { StreamStatus } from '@/features/conversation/liveEvents'
import { useSituation } from '@/features/conversation/useSituation'
import { json, stubApi } from '../support'

let scope: EffectScope
let network: 'there' | 'gone'

beforeEach(() => {
  setActivePinia(createPinia())
  network = 'there'
  stubApi(() => {
    if (network === 'gone') throw new TypeError('Failed to fetch')
    return json(200, { status: 'healthy', checks: { workers: { status: 'up' }, rabbitmq: { status: 'up' } }, items: [], fake: false })
  })
  scope = effectScope()
})

afterEach(() => {
  scope.stop()
  vi.restoreAllMocks()
  vi.unstubAllGlobals()
})

it('is told at once by the browser that it is offline, although the line has not noticed yet', async () => {
  const health = useHealth()
  const stream = ref<StreamStatus>('live')
  const situation = scope.run(() => useSituation(stream, ref(false)))
  await vi.waitFor(() => expect(health.reachable).toBe(true))
  network = 'gone'
  dispatchEvent(new Event('offline'))
  await vi.waitFor(() => expect(situation?.value.reachable).toBe(false))
  network = 'there'
  dispatchEvent(new Event('online'))
  await vi.waitFor(() => expect(situation?.value.reachable).toBe(true))
})

it('is none of being offline while Parley answers, on this machine or network', async () => {
  const health = useHealth()
  const situation = scope.run(() => useSituation(ref<StreamStatus>('reconnecting'), ref(false)))
  await vi.waitFor(() => expect(health.reachable).toBe(true))
  dispatchEvent(new Event('offline'))
  expect(health.online).toBe(false)
  expect(situation?.value).toMatchObject({ reachable: true, line: 'reconnecting' })
})
