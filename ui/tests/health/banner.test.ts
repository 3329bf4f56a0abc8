import { describe, expect, it } from 'vitest'
import type { Health } from '@/api/types'
import { bannerFor } from '@/features/health/banner'

function health(down: (keyof Health['checks'])[] = [], status: Health['status'] = 'healthy'): Health {
  const check = (name: keyof Health['checks']) => ({ status: down.includes(name) ? ('down' as const) : ('up' as const) })
  return {
    status: down.length > 0 && status === 'healthy' ? 'degraded' : status,
    timestamp: '2026-03-04T10:00:00Z',
    checks: { api: check('api'), postgres: check('postgres'), redis: check('redis'), rabbitmq: check('rabbitmq'), workers: check('workers') },
  }
}
const answered = (value: Health) => ({ known: true, reachable: true, health: value }) as const

describe('the banner', () => {
  it('says nothing while all is well or nothing is known', () => {
    expect(bannerFor(true, answered(health()))).toBeUndefined()
    expect(bannerFor(true, { known: false })).toBeUndefined()
  })

  it.each<[string, Parameters<typeof bannerFor>]>([
    ['You are offline.', [false, { known: true, reachable: false }]],
    ['You are offline.', [false, { known: false }]],
    ['Parley cannot be reached.', [true, { known: true, reachable: false }]],
    ['New messages cannot be taken right now.', [true, answered(health(['postgres', 'redis', 'workers'], 'unhealthy'))]],
    ['Nobody is answering right now.', [true, answered(health(['workers', 'redis']))]],
    ['Answers are delayed.', [true, answered(health(['rabbitmq', 'redis']))]],
    ['Live text is off for now.', [true, answered(health(['redis']))]],
    ['Parley runs with limits right now.', [true, answered(health([], 'degraded'))]],
  ])('says first what costs the most: %s', (text, given) => {
    expect(bannerFor(...given)?.text).toBe(text)
  })

  it('does not say offline while Parley answers, as one on the same machine does', () => {
    expect(bannerFor(false, answered(health()))).toBeUndefined()
  })
})
