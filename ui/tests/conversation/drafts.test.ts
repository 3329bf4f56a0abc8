import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { effectScope, ref, type EffectScope } from 'vue'
import { draftKey, editKey, forgetChat, keepText, keptText } from '@/features/conversation/drafts'
import { useConversation } from '@/features/conversation/useConversation'
import { useDraft } from '@/features/conversation/useDraft'
import { store, storedKeys } from '@/lib/storage'
import { json, message, problem, question, stubApi } from '../support'

let scope: EffectScope

beforeEach(() => {
  localStorage.clear()
  vi.useFakeTimers({ now: 1_000 })
  setActivePinia(createPinia())
  scope = effectScope()
})

afterEach(() => {
  scope.stop()
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

function write(key: string): void {
  vi.advanceTimersByTime(1)
  keepText(key, 'kept')
}

describe('the drafts', () => {
  it('are bounded: the one that was written longest ago goes, whatever the age of its chat', () => {
    for (let n = 0; n < 200; n++) write(draftKey(`chat-${String(n)}`))
    write(editKey('chat-0', 'm'))
    write(draftKey('chat-0'))
    store('theme', 'dark')
    expect(storedKeys('draft.')).toHaveLength(200)
    write(draftKey(undefined))
    expect(storedKeys('draft.')).toHaveLength(200)
    expect(keptText(draftKey('chat-1'))).toBeUndefined()
    for (const key of [draftKey('chat-0'), draftKey('chat-2'), draftKey(undefined), editKey('chat-0', 'm')]) expect(keptText(key)).toBe('kept')
    expect(storedKeys('theme')).toEqual(['theme'])
  })

  it('do not become newer by being looked at', () => {
    write(draftKey('one'))
    const before = localStorage.getItem('parley.draft.one')
    vi.advanceTimersByTime(1_000)
    const chat = ref<string | undefined>('one')
    scope.run(() => useDraft(chat))
    chat.value = 'two'
    expect(localStorage.getItem('parley.draft.one')).toBe(before)
  })

  it('go with their chat, and do not come back from the composer that is open', () => {
    const chat = ref<string | undefined>('one')
    const text = scope.run(() => useDraft(chat))
    if (!text) throw new Error('no scope')
    text.value = 'half a thought'
    vi.advanceTimersByTime(1_000)
    text.value = 'half a thought more'
    write(editKey('one', 'm'))
    write(editKey('two', 'm'))
    write(draftKey('two'))
    forgetChat('one')
    expect(text.value).toBe('')
    vi.advanceTimersByTime(1_000)
    chat.value = undefined
    scope.stop()
    expect([...storedKeys('draft.'), ...storedKeys('edit.')].sort()).toEqual(['draft.two', 'edit.two.m'])
  })

  it('of messages go with those that are deleted, and with those that follow', async () => {
    const items = [
      question('q1', 'One'),
      message('a1', { status: 'completed', parentId: 'q1' }),
      question('q2', 'Two', { parentId: 'a1' }),
      message('a2', { status: 'completed', parentId: 'q2' }),
      question('q3', 'Three', { parentId: 'a2' }),
    ]
    stubApi(({ method, url }) => {
      if (method === 'DELETE') return new Response(undefined, { status: 204 })
      return url.includes('/messages') ? json(200, { items, versions: {} }) : problem(503)
    })
    // Without a line, the messages are asked for.
    const conversation = scope.run(() => useConversation(ref('chat')))
    if (!conversation) throw new Error('no scope')
    await vi.waitFor(() => expect(conversation.messages.value).toHaveLength(5), { timeout: 20_000 })
    for (const id of ['q1', 'q2', 'q3']) write(editKey('chat', id))
    await conversation.remove('q2')
    expect(storedKeys('edit.')).toEqual([editKey('chat', 'q1')])
    await conversation.withdraw('q1', 'a1')
    expect(storedKeys('edit.')).toEqual([])
  })
})
