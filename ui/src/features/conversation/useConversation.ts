// One open conversation: its state, kept in step by the stream, or by polling while there is none.
import { computed, onScopeDispose, ref, shallowRef, watch, type Ref } from 'vue'
import { answered, api, dataOf, reportFailure } from '@/api/client'
import { NetworkError, sentenceOf } from '@/api/errors'
import type { Message } from '@/api/types'
import { useListener } from '@/lib/usePage'
import { forgetMessages } from './drafts'
import { applyEvent, emptyConversation, isPending, type Conversation, type ConversationEvent } from './state'
import type { LiveEvents, StreamStatus } from './liveEvents'
import { startPolling, type Poller } from './polling'
import { useOutbox } from './outboxStore'

/** Not part of the first screen, which has no chat. */
export const loadLiveEvents = () => import('./liveEvents')
/** Nobody should look at an empty page for as long as it takes to find that a line is held back. */
const lateMillis = 2_500
/** A browser has six connections to a host over plain HTTP/1.1, for all its tabs: one that is hidden for so long lets its own go. */
const hiddenMillis = 30_000

export type ConversationHandle = ReturnType<typeof useConversation>

export function useConversation(chatId: Ref<string | undefined>) {
  const outbox = useOutbox()
  const state = shallowRef<Conversation>(emptyConversation)
  const stream = ref<StreamStatus>('connecting')
  const loadingOlder = ref(false)
  /** What went wrong with the last action, in a sentence. */
  const actionError = ref<string>()
  /** The line of this chat has not said anything yet, for so long that its messages are asked for in another way. */
  const late = ref(false)
  let lateTimer: ReturnType<typeof setTimeout> | undefined
  let events: LiveEvents | undefined
  let poller: Poller | undefined
  /** Tells answers for the chat shown now from late ones for the chat before. */
  const opened = ref(0)

  function apply(event: ConversationEvent): void {
    const { state: next, resync } = applyEvent(state.value, event)
    state.value = next
    if (event.type === 'message.deleted' && chatId.value !== undefined) forgetMessages(chatId.value, [event.data.messageId])
    if (resync) events?.resync()
  }

  function open(id: string | undefined): void {
    close()
    opened.value += 1
    stream.value = 'connecting'
    state.value = id === undefined ? { ...emptyConversation, loaded: true } : emptyConversation
    actionError.value = undefined
    if (id === undefined) return
    lateTimer = setTimeout(() => (late.value = true), lateMillis)
    void follow(id)
  }

  async function follow(id: string): Promise<void> {
    const during = opened.value
    const loaded = await loadLiveEvents().catch(() => undefined)
    if (during !== opened.value) return
    if (!loaded) {
      // The line was cut, or the server has a newer page: asking works all the same.
      stream.value = 'down'
      return
    }
    events = loaded.openLiveEvents({
      chatId: id,
      onEvent: apply,
      onStatus: (status) => {
        stream.value = status
        if (status === 'live') notLate()
        if (status === 'down') reportFailure(new NetworkError('stream'))
      },
      onRefused: (error) => {
        if (error.problem.status === 404) state.value = { ...state.value, deleted: true }
        else stream.value = 'down'
      },
    })
  }

  function notLate(): void {
    clearTimeout(lateTimer)
    late.value = false
  }

  function close(): void {
    notLate()
    events?.close()
    poller?.stop()
    events = undefined
    poller = undefined
  }

  watch(chatId, open, { immediate: true })
  onScopeDispose(close)

  const polling = computed(
    () => chatId.value !== undefined && !state.value.deleted && (stream.value === 'down' || late.value || !state.value.liveAvailable),
  )
  watch([polling, chatId], ([needed, id]) => {
    poller?.stop()
    poller = undefined
    if (!needed || id === undefined) return
    poller = startPolling(
      id,
      (page) => apply({ type: 'page.latest', data: page }),
      () => (state.value = { ...state.value, deleted: true }),
    )
  })

  function wake(): void {
    events?.wake()
    poller?.wake()
  }
  useListener(window, 'online', wake)
  let restTimer: ReturnType<typeof setTimeout> | undefined
  function restWhenHidden(): void {
    clearTimeout(restTimer)
    if (document.visibilityState === 'hidden') restTimer = setTimeout(() => events?.rest(), hiddenMillis)
  }
  restWhenHidden()
  useListener(document, 'visibilitychange', () => {
    restWhenHidden()
    if (document.visibilityState === 'visible') wake()
  })
  onScopeDispose(() => clearTimeout(restTimer))

  watch(
    () => outbox.accepted,
    (sent) => {
      if (!sent || sent.message.chatId !== chatId.value) return
      apply({ type: 'sent', data: sent })
      poller?.wake()
    },
    { flush: 'sync' },
  )

  async function act(path: '/api/messages/{messageId}/cancel' | '/api/messages/{messageId}/retry', messageId: string) {
    const during = opened.value
    actionError.value = undefined
    try {
      const message = await dataOf(api.POST(path, { params: { path: { messageId } } }))
      if (during === opened.value) apply({ type: 'message.answered', data: message })
      poller?.wake()
    } catch (error) {
      if (during === opened.value) actionError.value = sentenceOf(error)
    }
  }

  /** Changes what was asked while its answer still waits. Returns whether it was taken. */
  async function edit(messageId: string, content: string): Promise<boolean> {
    return changed(async () => {
      const { message, answer } = await dataOf(
        api.PATCH('/api/messages/{messageId}', { params: { path: { messageId } }, body: { content } }),
      )
      return [
        { type: 'message.updated', data: { message } },
        { type: 'message.answered', data: answer },
      ]
    })
  }

  /** Deletes a message and all that follows it, on all branches. Throws what went wrong. */
  async function remove(messageId: string): Promise<void> {
    const during = opened.value
    const chat = chatId.value
    const all = state.value.messages.map(({ id }) => id)
    await answered(api.DELETE('/api/messages/{messageId}', { params: { path: { messageId }, query: { following: true } } }))
    if (chat !== undefined) forgetMessages(chat, all.slice(all.indexOf(messageId)))
    if (during !== opened.value) return
    events?.resync()
    poller?.wake()
  }

  /** Takes a message back whose answer still waits. */
  async function withdraw(messageId: string, answerId: string): Promise<boolean> {
    return changed(async () => {
      await answered(api.DELETE('/api/messages/{messageId}', { params: { path: { messageId } } }))
      return [{ type: 'message.deleted', data: { messageId, answerId } }]
    })
  }

  /** Shows another version of a message, and the branch that it is on. */
  async function show(messageId: string): Promise<boolean> {
    return changed(async () => {
      await answered(api.POST('/api/messages/{messageId}/show', { params: { path: { messageId } } }))
      events?.resync()
      return []
    })
  }

  /** Asks for another version of an answer that has ended. */
  async function regenerate(messageId: string): Promise<boolean> {
    return changed(async () => {
      await dataOf(api.POST('/api/messages/{messageId}/regenerate', { params: { path: { messageId } }, body: {} }))
      events?.resync()
      return []
    })
  }

  async function changed(action: () => Promise<ConversationEvent[]>): Promise<boolean> {
    const during = opened.value
    actionError.value = undefined
    try {
      const learned = await action()
      if (during === opened.value) learned.forEach(apply)
      poller?.wake()
      return true
    } catch (error) {
      if (during === opened.value) actionError.value = sentenceOf(error)
      return false
    }
  }

  async function loadOlder(): Promise<void> {
    const { older } = state.value
    const id = chatId.value
    if (older === undefined || id === undefined || loadingOlder.value) return
    const during = opened.value
    loadingOlder.value = true
    try {
      const page = await dataOf(
        api.GET('/api/chats/{chatId}/messages', { params: { path: { chatId: id }, query: { cursor: older } } }),
      )
      if (during === opened.value) apply({ type: 'page.older', data: page })
    } catch (error) {
      if (during === opened.value) actionError.value = sentenceOf(error)
    } finally {
      loadingOlder.value = false
    }
  }

  return {
    chat: computed(() => state.value.chat),
    // The same array while nothing but live text changes, so that a delta renders one answer, not the list.
    messages: computed(() => state.value.messages),
    /** The ids of a message's versions, oldest first; none when there is only one. */
    versionsOf: (messageId: string): readonly string[] => state.value.versions[messageId] ?? [],
    /** The answer to a message while it can still be changed: nothing of it is written, and nothing follows it. */
    waitingAnswer: (messageId: string): Message | undefined => {
      const last = state.value.messages.at(-1)
      return last?.parentId === messageId && (last.status === 'queued' || last.status === 'retrying') ? last : undefined
    },
    liveText: (answerId: string): string | undefined => state.value.live[answerId]?.text,
    hasOlder: computed(() => state.value.older !== undefined),
    loaded: computed(() => state.value.loaded),
    deleted: computed(() => state.value.deleted),
    pending: computed(() => state.value.messages.some(isPending)),
    opened,
    stream,
    polling,
    loadingOlder,
    actionError,
    loadOlder,
    edit,
    withdraw,
    remove,
    show,
    regenerate,
    cancel: (messageId: string) => act('/api/messages/{messageId}/cancel', messageId),
    retry: (messageId: string) => act('/api/messages/{messageId}/retry', messageId),
  }
}
