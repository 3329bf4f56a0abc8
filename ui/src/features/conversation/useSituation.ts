// How things stand around the open conversation, for the lines of its pending answers.
import { computed, type Ref } from 'vue'
import { useHealth } from '@/features/health/healthStore'
import type { StreamStatus } from './liveEvents'
import type { Situation } from './status'

export function useSituation(stream: Ref<StreamStatus>, polling: Ref<boolean>): Ref<Situation> {
  const health = useHealth()
  return computed(() => {
    const { state } = health
    const checks = state.known && state.reachable ? state.health.checks : undefined
    return {
      // A line that has just lost its network still looks alive for a while.
      reachable: (stream.value === 'live' && health.online) || !state.known || state.reachable,
      line: polling.value ? 'polling' : stream.value === 'reconnecting' ? 'reconnecting' : 'live',
      workers: checks?.workers.status !== 'down',
      queue: checks?.rabbitmq.status !== 'down',
    }
  })
}
