// What is worth telling about the health of things, in one line.
import type { Health } from '@/api/types'

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
  if (!online) {
    return { tone: 'warn', text: 'You are offline.', detail: 'What you write is kept and goes out when the connection is back.' }
  }
  if (!state.known) return undefined
  if (!state.reachable) {
    return { tone: 'bad', text: 'Parley cannot be reached.', detail: 'What you write is kept. Trying again…' }
  }
  const { status, checks } = state.health
  if (checks.postgres.status === 'down') {
    return { tone: 'bad', text: 'New messages cannot be taken right now.', detail: 'What you write is kept. Running answers go on.' }
  }
  if (checks.workers.status === 'down') {
    return { tone: 'warn', text: 'Nobody is answering right now.', detail: 'Messages are kept safe and answered as soon as a worker is back.' }
  }
  if (checks.rabbitmq.status === 'down') {
    return { tone: 'warn', text: 'Answers are delayed.', detail: 'Messages are accepted and go out as soon as the queue is back.' }
  }
  if (checks.redis.status === 'down') {
    return { tone: 'warn', text: 'Live text is off for now.', detail: 'Answers appear when they are complete.' }
  }
  if (status === 'healthy') return undefined
  return status === 'unhealthy'
    ? { tone: 'bad', text: 'Parley is not well.', detail: 'What you write is kept.' }
    : { tone: 'warn', text: 'Parley runs with limits right now.', detail: 'Answers may take longer.' }
}
