import { mount, type VueWrapper } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { defineComponent, effectScope, h, nextTick, ref, type EffectScope } from 'vue'
import Composer from '@/features/conversation/Composer.vue'
import MessageItem from '@/features/conversation/MessageItem.vue'
import StatusLine from '@/features/conversation/StatusLine.vue'
import { useConversation, type ConversationHandle } from '@/features/conversation/useConversation'
import { useDraft } from '@/features/conversation/useDraft'
import { change } from '@/features/settings/settings'
import { provideShell } from '@/features/shell/useShell'
import { message, problem, question, stubApi } from '../support'

/** The Markdown engine is loaded on demand, which takes a slow machine its time. */
const patience = { timeout: 20_000 }
let scope: EffectScope
let mounted: VueWrapper | undefined

beforeEach(() => {
  localStorage.clear()
  setActivePinia(createPinia())
  stubApi(() => problem(503))
  vi.stubGlobal('matchMedia', () => ({ matches: false, addEventListener: () => undefined, removeEventListener: () => undefined }))
  scope = effectScope()
})

afterEach(() => {
  mounted?.unmount()
  scope.stop()
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe('a message', () => {
  function handle(change: Partial<ConversationHandle>): ConversationHandle {
    const real = scope.run(() => useConversation(ref(undefined)))
    if (!real) throw new Error('no scope')
    return { ...real, ...change }
  }

  it('shows its live text as Markdown, then the final one', async () => {
    const conversation = handle({ liveText: () => '**Hel' + 'lo** and [x](javascript:alert(1))' })
    const item = mount(MessageItem, { props: { message: message('a', { status: 'generating' }), conversation } })
    mounted = item
    await vi.waitFor(() => expect(item.find('[data-testid=answer-text] strong').text()).toBe('Hello'), patience)
    expect(item.find('a').exists()).toBe(false)
    expect(item.get('[data-testid=status-line]').text()).toContain('Writing…')
    await item.setProps({ message: message('a', { status: 'completed', content: '*Done*' }) })
    await vi.waitFor(() => expect(item.find('[data-testid=answer-text] em').text()).toBe('Done'), patience)
    expect(item.find('[data-testid=status-line]').exists()).toBe(false)
  })

  it('can be changed or taken back while its answer waits, and keeps what was typed when that is refused', async () => {
    const edit = vi.fn(() => Promise.resolve(false))
    const withdraw = vi.fn(() => Promise.resolve(true))
    const answer = message('a', { parentId: 'q' })
    const conversation = handle({ edit, withdraw, waitingAnswer: (id) => (id === 'q' ? answer : undefined) })
    const item = mount(MessageItem, { props: { message: question('q', 'Hello'), conversation } })
    mounted = item
    await item.get('[data-testid=edit-message]').trigger('click')
    const field = item.get<HTMLTextAreaElement>('[data-testid=edit-field]')
    expect(field.element.value).toBe('Hello')
    expect(item.get('[data-testid=save-edit]').attributes('disabled')).toBeDefined()
    await field.setValue('Hello, you')
    await field.trigger('keydown', { key: 'Enter' })
    expect(edit).toHaveBeenCalledExactlyOnceWith('q', 'Hello, you')
    await nextTick()
    expect(item.get<HTMLTextAreaElement>('[data-testid=edit-field]').element.value).toBe('Hello, you')
    edit.mockResolvedValueOnce(true)
    await item.get('form').trigger('submit')
    await vi.waitFor(() => expect(item.find('[data-testid=edit-field]').exists()).toBe(false))
    await item.get('[data-testid=withdraw-message]').trigger('click')
    expect(withdraw).toHaveBeenCalledExactlyOnceWith('q', 'a')
  })

  it('cannot be changed once its answer is being written', () => {
    const conversation = handle({ waitingAnswer: () => undefined })
    const item = mount(MessageItem, { props: { message: question('q', 'Hello'), conversation } })
    mounted = item
    expect(item.find('[data-testid=edit-message]').exists()).toBe(false)
  })

  it('can be answered and asked anew as another version, between which one moves', async () => {
    const show = vi.fn(() => Promise.resolve(true))
    const regenerate = vi.fn(() => Promise.resolve(true))
    const conversation = handle({ show, regenerate, versionsOf: (id) => (id === 'a2' ? ['a1', 'a2', 'a3'] : []), waitingAnswer: () => undefined })
    const answer = mount(MessageItem, { props: { message: message('a2', { status: 'completed', content: 'Yes' }), conversation } })
    mounted = answer
    expect(answer.get('[data-testid=versions]').text()).toBe('2/3')
    await answer.get('[data-testid=version-earlier]').trigger('click')
    await nextTick()
    await answer.get('[data-testid=version-later]').trigger('click')
    expect(show.mock.calls).toEqual([['a1'], ['a3']])
    await nextTick()
    await answer.get('[data-testid=regenerate]').trigger('click')
    expect(regenerate).toHaveBeenCalledExactlyOnceWith('a2')
    answer.unmount()
    const asked = mount(MessageItem, { props: { message: question('q', 'Hello'), conversation } })
    mounted = asked
    expect(asked.find('[data-testid=versions]').exists()).toBe(false)
    await asked.get('[data-testid=edit-version]').trigger('click')
    await asked.get('[data-testid=edit-field]').setValue('Hello again')
    await asked.get('form').trigger('submit')
    expect(asked.emitted('version')).toEqual([['Hello again']])
  })

  it('keeps what it is being changed to, when it is scrolled away or the page is reloaded', async () => {
    const conversation = handle({ waitingAnswer: () => undefined })
    const props = { message: question('q', 'Hello'), conversation }
    const before = mount(MessageItem, { props })
    mounted = before
    await before.get('[data-testid=edit-version]').trigger('click')
    await before.get('[data-testid=edit-field]').setValue('Hello, half')
    before.unmount()
    const after = mount(MessageItem, { props })
    mounted = after
    expect(after.get<HTMLTextAreaElement>('[data-testid=edit-field]').element.value).toBe('Hello, half')
    await after.get('[data-testid=edit-field]').trigger('keydown', { key: 'Escape' })
    after.unmount()
    mounted = mount(MessageItem, { props })
    expect(mounted.find('[data-testid=edit-field]').exists()).toBe(false)
  })

  it('is deleted with what follows, once that is confirmed', async () => {
    const remove = vi.fn(() => Promise.resolve())
    const item = mount(MessageItem, { props: { message: question('q', 'Hello'), conversation: handle({ remove, waitingAnswer: () => undefined }) } })
    mounted = item
    await item.get('[data-testid=delete-message]').trigger('click')
    await vi.waitFor(() => expect(item.find('[data-testid=confirm]').exists()).toBe(true), patience)
    expect(remove).not.toHaveBeenCalled()
    await item.get('[data-testid=confirm]').trigger('click')
    expect(remove).toHaveBeenCalledExactlyOnceWith('q')
  })

  it('of an answer is deleted only where it has another version', () => {
    const mountAnswer = (versions: string[]) =>
      mount(MessageItem, { props: { message: message('a', { status: 'completed', content: 'Yes' }), conversation: handle({ versionsOf: () => versions }) } })
    mounted = mountAnswer([])
    expect(mounted.find('[data-testid=delete-version]').exists()).toBe(false)
    mounted.unmount()
    mounted = mountAnswer(['a', 'b'])
    expect(mounted.find('[data-testid=delete-version]').exists()).toBe(true)
  })

  it('tells its details when asked', async () => {
    const done = message('a', { status: 'completed', content: 'Yes', model: 'gemini-x', attempt: 2, usage: { inputTokens: 1200, outputTokens: 3 }, completedAt: '2026-03-04T10:00:01.500Z' })
    const item = mount(MessageItem, { props: { message: done, conversation: handle({}) } })
    mounted = item
    await item.get('[data-testid=details-button]').trigger('click')
    const text = item.get('[data-testid=details]').text()
    for (const fact of ['gemini-x', '1,200 read, 3 written', '1.5 s', 'Attempts2']) expect(text).toContain(fact)
  })

  it('hands its id to what is done about it', async () => {
    const retry = vi.fn(() => Promise.resolve())
    const item = mount(MessageItem, { props: { message: message('a', { status: 'failed' }), conversation: handle({ retry }) } })
    mounted = item
    await item.get('[data-testid=retry]').trigger('click')
    expect(retry).toHaveBeenCalledExactlyOnceWith('a')
  })
})

describe('the status line', () => {
  it('counts down by the second and offers to retry or cancel', async () => {
    vi.useFakeTimers({ now: new Date('2026-03-04T10:00:00Z') })
    const waits = message('a', { status: 'retrying', attempt: 2, maxAttempts: 5, nextAttemptAt: '2026-03-04T10:01:00Z' })
    const line = mount(StatusLine, { props: { message: waits, hasText: false, busy: false } })
    mounted = line
    expect(line.text()).toContain('Attempt 2 of 5 · next try in 1:00')
    await vi.advanceTimersByTimeAsync(1_000)
    await nextTick()
    expect(line.text()).toContain('next try in 0:59')
    await line.get('[data-testid=retry]').trigger('click')
    await line.get('[data-testid=cancel]').trigger('click')
    expect(line.emitted()).toMatchObject({ retry: [[]], cancel: [[]] })
    await line.setProps({ busy: true })
    expect(line.get<HTMLButtonElement>('[data-testid=retry]').element.disabled).toBe(true)
  })
})

describe('the composer', () => {
  function compose(text: string, stoppable = false) {
    const send = vi.fn()
    const stop = vi.fn()
    const frame = defineComponent({
      setup() {
        provideShell({ openDrawer: () => undefined })
        return () => h(Composer, { modelValue: text, waiting: false, stoppable, problem: undefined, onSend: send, onStop: stop })
      },
    })
    const wrapper = mount(frame, { attachTo: document.body })
    mounted = wrapper
    return { area: wrapper.get('textarea'), send, stop, wrapper }
  }

  it('sends on Enter', async () => {
    const { area, send } = compose('Hi')
    const event = new KeyboardEvent('keydown', { key: 'Enter', cancelable: true })
    area.element.dispatchEvent(event)
    await nextTick()
    expect(send).toHaveBeenCalledOnce()
    expect(event.defaultPrevented).toBe(true)
  })

  it('sends on Ctrl+Enter only, for those who chose that', async () => {
    change({ sendKey: 'mod-enter' })
    const { area, send } = compose('Hi')
    await area.trigger('keydown', { key: 'Enter' })
    expect(send).not.toHaveBeenCalled()
    await area.trigger('keydown', { key: 'Enter', ctrlKey: true })
    expect(send).toHaveBeenCalledOnce()
    change({ sendKey: 'enter' })
  })

  it('leaves Enter to new lines on a touch screen, whose keyboard has no other key for them', async () => {
    vi.stubGlobal('matchMedia', (query: string) => ({ matches: query.includes('coarse'), addEventListener: () => undefined, removeEventListener: () => undefined }))
    const { area, send } = compose('Hi')
    expect(document.activeElement).not.toBe(area.element)
    expect(area.attributes('enterkeyhint')).toBe('enter')
    const event = new KeyboardEvent('keydown', { key: 'Enter', cancelable: true })
    area.element.dispatchEvent(event)
    expect(event.defaultPrevented).toBe(false)
    expect(send).not.toHaveBeenCalled()
    await area.trigger('keydown', { key: 'Enter', metaKey: true })
    expect(send).toHaveBeenCalledOnce()
  })

  it('writes a new line on Shift+Enter', async () => {
    const { area, send } = compose('Hi')
    const event = new KeyboardEvent('keydown', { key: 'Enter', shiftKey: true, cancelable: true })
    area.element.dispatchEvent(event)
    await nextTick()
    expect(send).not.toHaveBeenCalled()
    expect(event.defaultPrevented).toBe(false)
  })

  it('leaves the Enter that ends a composition to the input method', async () => {
    const { area, send } = compose('にほん')
    await area.trigger('keydown', { key: 'Enter', isComposing: true })
    await area.trigger('keydown', { key: 'Enter', keyCode: 229 })
    await area.trigger('compositionstart')
    await area.trigger('keydown', { key: 'Enter' })
    expect(send).not.toHaveBeenCalled()
    await area.trigger('compositionend')
    await area.trigger('keydown', { key: 'Enter' })
    expect(send).toHaveBeenCalledOnce()
  })

  it('stops the answer while nothing is written', async () => {
    const idle = compose('', true)
    await idle.wrapper.get('[data-testid=stop]').trigger('click')
    expect(idle.stop).toHaveBeenCalledOnce()
    expect(idle.send).not.toHaveBeenCalled()
    idle.wrapper.unmount()
    const writing = compose('More', true)
    expect(writing.wrapper.find('[data-testid=stop]').exists()).toBe(false)
    expect(writing.wrapper.find('[data-testid=send]').exists()).toBe(true)
  })

  it('does not send nothing', async () => {
    const { area, send } = compose('   ')
    await area.trigger('keydown', { key: 'Enter' })
    expect(send).not.toHaveBeenCalled()
  })
})

describe('a draft', () => {
  it('is kept per chat and over reloads, until it is emptied', () => {
    const chat = ref<string | undefined>('one')
    const text = scope.run(() => useDraft(chat))
    if (!text) throw new Error('no scope')
    text.value = 'half a thought'
    chat.value = 'two'
    expect(text.value).toBe('')
    text.value = 'another'
    scope.stop()
    const reloaded = effectScope()
    const again = reloaded.run(() => useDraft(chat))
    expect(again?.value).toBe('another')
    chat.value = 'one'
    expect(again?.value).toBe('half a thought')
    if (again) again.value = ''
    reloaded.stop()
    expect(localStorage.getItem('parley.draft.one')).toBeNull()
  })
})
