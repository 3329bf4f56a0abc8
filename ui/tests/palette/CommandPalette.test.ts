import { flushPromises, mount } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { defineComponent, h } from 'vue'
import { createMemoryHistory, createRouter } from 'vue-router'
import CommandPalette from '@/features/palette/CommandPalette.vue'
import { useChats } from '@/features/chats/chatsStore'
import { provideShell } from '@/features/shell/useShell'
import { at, chat, json, stubApi } from '../support'

beforeEach(() => {
  vi.useFakeTimers()
  setActivePinia(createPinia())
  Element.prototype.scrollIntoView = vi.fn()
  vi.stubGlobal('matchMedia', () => ({ matches: false, addEventListener: () => undefined, removeEventListener: () => undefined }))
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

function open() {
  const router = createRouter({ history: createMemoryHistory(), routes: [{ path: '/:rest(.*)*', component: { render: () => null } }] })
  const run = vi.fn()
  const close = vi.fn()
  const frame = defineComponent({
    setup() {
      provideShell({ openDrawer: () => undefined })
      return () => h(CommandPalette, { onRun: run, onClose: close })
    },
  })
  const wrapper = mount(frame, { global: { plugins: [router] } })
  return { wrapper, router, run, close, entries: () => wrapper.findAll('[data-testid=palette-entry]'), field: wrapper.get('[data-testid=palette-field]') }
}

describe('the command palette', () => {
  it('finds commands and chats by all words, and runs the chosen one with Enter', async () => {
    useChats().put({ ...chat, title: 'New Zealand' })
    const { wrapper, run, close, entries, field } = open()
    await field.setValue('new')
    expect(entries().map((entry) => entry.text())).toEqual([expect.stringContaining('New chat'), 'New Zealand'])
    expect(wrapper.findAll('[aria-selected=true]')).toHaveLength(1)
    await field.trigger('keydown', { key: 'Enter' })
    expect(run).toHaveBeenCalledExactlyOnceWith('newChat')
    expect(close).toHaveBeenCalledOnce()
  })

  it('goes to the chat that the arrows lead to', async () => {
    useChats().put({ ...chat, title: 'New Zealand' })
    const { router, entries, field } = open()
    await field.setValue('new')
    await field.trigger('keydown', { key: 'ArrowDown' })
    expect(entries()[1]?.attributes('aria-selected')).toBe('true')
    await field.trigger('keydown', { key: 'ArrowDown' })
    expect(entries()[0]?.attributes('aria-selected')).toBe('true')
    await field.trigger('keydown', { key: 'ArrowUp' })
    await field.trigger('keydown', { key: 'Enter' })
    await flushPromises()
    expect(router.currentRoute.value.fullPath).toBe('/chats/chat')
  })

  it('shows what is in messages as text with the words marked, asked for once the typing rests', async () => {
    const hit = { chatId: 'c', chatTitle: 'T', messageId: 'm', role: 'user', at, excerpt: [{ text: '<b>raw</b> ', match: false }, { text: 'fox', match: true }] }
    const requests = stubApi(() => json(200, { items: [hit] }))
    const { wrapper, router, entries, field } = open()
    await field.setValue('fo')
    await field.setValue('fox')
    await vi.advanceTimersByTimeAsync(1_000)
    expect(requests.map((request) => new URL(request.url).searchParams.get('q'))).toEqual(['fox'])
    expect(wrapper.get('mark').text()).toBe('fox')
    expect(entries().at(-1)?.text()).toContain('<b>raw</b>')
    await entries().at(-1)?.trigger('click')
    await flushPromises()
    expect(router.currentRoute.value.fullPath).toBe('/chats/c?message=m')
  })
})
