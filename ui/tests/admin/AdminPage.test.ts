import { flushPromises, mount, type VueWrapper } from '@vue/test-utils'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { defineComponent, h } from 'vue'
import AdminPage from '@/features/admin/AdminPage.vue'
import { outcome } from '@/features/admin/useOperations'
import { provideShell } from '@/features/shell/useShell'
import { at, json, problem, stubApi } from '../support'

const letter = { id: 'answer:5', cause: 'ladder', reason: 'unavailable', diedAt: at, bytes: 321 }
const counts = { redriven: 0, obsolete: 0, dropped: 0, kept: 0, remaining: 0 }
let page: VueWrapper | undefined

function answers(letters: readonly object[]): (request: Request) => Response {
  return (request) => {
    const { pathname } = new URL(request.url)
    if (pathname.endsWith('/workers')) {
      return json(200, {
        items: [{ id: 'worker-1', startedAt: at, heardAt: at, running: 3, waiting: 2, capacity: 100, state: 'working', sharedQuota: true }],
      })
    }
    if (pathname.endsWith('/keys')) {
      return json(200, {
        leftOut: 0,
        items: [
          {
            group: 'team',
            state: 'disabled',
            reason: '<b>INVALID</b>',
            usedThisMinute: 4,
            workers: 1,
            keys: [{ hash: '0a1b2c3d', state: 'disabled', reason: 'INVALID' }],
          },
        ],
      })
    }
    if (request.method !== 'GET') return json(200, { ...counts, redriven: 1 })
    return json(200, { items: letters, total: letters.length })
  }
}

function open(): VueWrapper {
  page = mount(
    defineComponent(() => {
      provideShell({ openDrawer: () => undefined })
      return () => h(AdminPage)
    }),
  )
  return page
}

afterEach(() => {
  page?.unmount()
  vi.unstubAllGlobals()
})

describe('the operators’ page', () => {
  it('shows workers, keys by their hash and dead letters', async () => {
    stubApi(answers([letter]))
    const shown = open()
    await flushPromises()
    expect(shown.get('[data-testid=workers]').text()).toContain('3 of 100 calls')
    const keys = shown.get('[data-testid=keys]')
    expect(keys.text()).toContain('0a1b2c3d')
    expect(keys.text()).toContain('<b>INVALID</b>')
    expect(shown.get('[data-testid=dead-letter]').text()).toContain('No attempts left')
  })

  it('tries one again and says what came of it', async () => {
    const requests = stubApi(answers([letter]))
    const shown = open()
    await flushPromises()
    await shown.get('[data-testid=redrive]').trigger('click')
    await flushPromises()
    expect(requests.map((request) => `${request.method} ${new URL(request.url).pathname}`)).toContain(
      'POST /api/admin/dead-letters/answer%3A5/redrive',
    )
    expect(shown.get('[data-testid=said]').text()).toBe('1 tried again; none left.')
  })

  it('asks before it drops', async () => {
    const requests = stubApi(answers([letter]))
    const shown = open()
    await flushPromises()
    await shown.get('[data-testid=drop-all]').trigger('click')
    expect(requests.some(({ method }) => method === 'DELETE')).toBe(false)
    await shown.get('[data-testid=confirm]').trigger('click')
    await flushPromises()
    expect(requests.some(({ method }) => method === 'DELETE')).toBe(true)
  })

  it('says why when it may not look', async () => {
    stubApi(() => problem(403))
    const shown = open()
    await flushPromises()
    expect(shown.get('[role=alert]').text()).toContain('Refused with 403.')
  })

  it('puts what was done into one sentence', () => {
    expect(outcome(counts)).toBe('There was nothing to do; none left.')
    expect(outcome({ redriven: 2, dropped: 0, obsolete: 1, kept: 0, remaining: 3 })).toBe(
      '2 tried again, 1 removed because nobody waits for them any more; 3 left.',
    )
  })
})
