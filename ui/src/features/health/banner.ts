// What is worth telling about the health of things, in one line.
import type { Health } from '@/api/types'
import { t } from '@/i18n'

export interface Banner {
  tone: 'warn' | 'bad'
  text: string
  detail?: string
}

export type HealthState =
  | { known: false }
  /** Nobody answers at all. */
  | { known: true; reachable: false }
  | { known: true; reachable: true; health: Health }

/** The banner for the state of things; none when all is well. What costs the most comes first. */
export function bannerFor(online: boolean, state: HealthState): Banner | undefined {
  // The browser may call itself offline and still reach a Parley on the same machine or network.
  if (!online && !(state.known && state.reachable)) {
    return { tone: 'warn', text: t('health.offline'), detail: t('health.offlineDetail') }
  }
  if (!state.known) return undefined
  if (!state.reachable) {
    return { tone: 'bad', text: t('health.unreachable'), detail: t('health.unreachableDetail') }
  }
  const { status, checks } = state.health
  if (checks.postgres.status === 'down') {
    return { tone: 'bad', text: t('health.database'), detail: t('health.databaseDetail') }
  }
  if (checks.workers.status === 'down') {
    return { tone: 'warn', text: t('health.workers'), detail: t('health.workersDetail') }
  }
  if (checks.rabbitmq.status === 'down') {
    return { tone: 'warn', text: t('health.queue'), detail: t('health.queueDetail') }
  }
  if (checks.redis.status === 'down') {
    return { tone: 'warn', text: t('health.live'), detail: t('health.liveDetail') }
  }
  if (status === 'healthy') return undefined
  return status === 'unhealthy'
    ? { tone: 'bad', text: t('health.unwell'), detail: t('health.unwellDetail') }
    : { tone: 'warn', text: t('health.limits'), detail: t('health.limitsDetail') }
}
