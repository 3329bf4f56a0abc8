// What the page knows of one conversation, and how each event changes it. Pure: the same events give the same state.
import type { Chat, ChatEvent, Live, Message, MessagePage, MessageStatus, Sent } from '@/api/types'

/** The text so far of one run of an answer. */
export interface LiveText {
  readonly run: string
  readonly text: string
}

export interface Conversation {
  readonly chat: Chat | undefined
  /** Oldest first. */
  readonly messages: readonly Message[]
  /** Of each message that has more than one version: the ids of all, oldest first. */
  readonly versions: Readonly<Record<string, readonly string[]>>
  /** Cursor for older messages than the first one here. */
  readonly older: string | undefined
  /** By answer id; only answers that are not final have one. */
  readonly live: Readonly<Record<string, LiveText>>
  /** False while the server says that live text is unavailable. */
  readonly liveAvailable: boolean
  /** Whether anything has been loaded yet. */
  readonly loaded: boolean
  /** Whether the chat is gone. */
  readonly deleted: boolean
}

/** Events of the stream, and what this page learns by asking. */
export type ConversationEvent =
  | ChatEvent
  | { type: 'page.latest'; data: MessagePage }
  | { type: 'page.older'; data: MessagePage }
  | { type: 'sent'; data: Sent }
  | { type: 'message.answered'; data: Message }

export interface Applied {
  readonly state: Conversation
  /** The event does not fit what is known: ask for everything again. */
  readonly resync: boolean
}

export const emptyConversation: Conversation = {
  chat: undefined,
  messages: [],
  versions: {},
  older: undefined,
  live: {},
  liveAvailable: true,
  loaded: false,
  deleted: false,
}

const finals: readonly MessageStatus[] = ['completed', 'failed', 'cancelled']

export function isFinal(message: Message): boolean {
  return finals.includes(message.status)
}

export function isPending(message: Message): boolean {
  return message.role === 'assistant' && !isFinal(message)
}

export function applyEvent(state: Conversation, event: ConversationEvent): Applied {
  switch (event.type) {
    case 'snapshot': {
      const replaced = replaceLatest(state, event.data.messages, event.data.versions, event.data.next)
      return event.data.live.reduce<Applied>(
        (applied, piece) => {
          const next = applyLive(applied.state, piece)
          return { state: next.state, resync: applied.resync || next.resync }
        },
        { state: { ...replaced, chat: event.data.chat, liveAvailable: true, deleted: false }, resync: false },
      )
    }
    case 'answer.delta':
      return applyLive(state, event.data)
    case 'answer.started':
      return fits(applyStarted(state, event.data))
    case 'message.created':
      return fits(applyCreated(state, event.data.message))
    case 'message.deleted': {
      const gone = [event.data.messageId, event.data.answerId]
      const messages = state.messages.filter((message) => !gone.includes(message.id))
      return fits({ ...state, messages, live: keepPending(state.live, messages) })
    }
    case 'message.updated':
      // Older than what is loaded here: it is read with its page.
      return fits(find(state, event.data.message.id) ? putMessage(state, event.data.message) : state)
    case 'answer.queued':
    case 'answer.retrying':
    case 'answer.completed':
    case 'answer.failed':
    case 'answer.cancelled':
      return fits(putMessage(state, event.data.message))
    case 'message.answered': {
      const known = find(state, event.data.id)
      // A response: the stream is quicker now and then, and what it has said of the same round is newer.
      const begun = known?.status === 'generating' && known.round === event.data.round && isPending(event.data)
      return fits(begun ? state : putMessage(state, event.data))
    }
    case 'sent':
      // The stream is quicker now and then: what it has said of these messages is newer than the response.
      return fits([event.data.message, event.data.answer].reduce((s, m) => (find(s, m.id) ? s : putMessage(s, m)), state))
    case 'chat.updated':
      return fits({ ...state, chat: event.data.chat })
    case 'chat.deleted':
      return fits({ ...state, deleted: true })
    case 'notice': {
      const available = event.data.type === 'live-restored'
      // Text that passed by in the meantime can only be had with a new snapshot.
      return { state: { ...state, liveAvailable: available }, resync: available && !state.liveAvailable }
    }
    case 'page.latest':
      return fits(replaceLatest(state, event.data.items, event.data.versions, event.data.next))
    case 'page.older': {
      const known = new Set(state.messages.map((message) => message.id))
      const added = event.data.items.filter((message) => !known.has(message.id))
      const versions = { ...event.data.versions, ...state.versions }
      return fits({ ...state, messages: [...added, ...state.messages], versions, older: event.data.next })
    }
  }
}

function fits(state: Conversation): Applied {
  return { state, resync: false }
}

function find(state: Conversation, id: string): Message | undefined {
  // Events speak of the latest messages: search from the end.
  return state.messages.findLast((message) => message.id === id)
}

/** Takes the latest page as the truth, and keeps older messages that were loaded before it when they join on to it. */
function replaceLatest(
  state: Conversation,
  latest: readonly Message[],
  versions: Conversation['versions'],
  next: string | undefined,
): Conversation {
  const first = latest[0]
  const at = first ? state.messages.findIndex((message) => message.id === first.id) : -1
  const before =
    at > 0
      ? // What is not its parent is of another branch.
        state.messages[at - 1]?.id === first?.parentId
        ? at
        : 0
      : at < 0 && first?.parentId !== undefined && state.messages.at(-1)?.id === first.parentId
        ? state.messages.length
        : 0
  const kept = state.messages.slice(0, before)
  const old = new Map(state.messages.map((message) => [message.id, message]))
  // Equal messages stay the same objects: what shows them has nothing to do.
  const messages = [...kept, ...latest.map((message) => sameOrNewer(old.get(message.id), message))]
  const unchanged = messages.length === state.messages.length && messages.every((m, i) => m === state.messages[i])
  return {
    ...state,
    messages: unchanged ? state.messages : messages,
    versions: before > 0 ? { ...state.versions, ...versions } : versions,
    older: before > 0 ? state.older : next,
    live: keepPending(state.live, messages),
    loaded: true,
  }
}

function sameOrNewer(old: Message | undefined, message: Message): Message {
  return old !== undefined && (isOutdated(message, old) || JSON.stringify(old) === JSON.stringify(message)) ? old : message
}

/** Whether a state of an answer is older than another one: responses and events come by different ways. */
function isOutdated(message: Message, known: Message): boolean {
  if (message.round === undefined || known.round === undefined) return false
  return message.round === known.round ? isFinal(known) && !isFinal(message) : message.round < known.round
}

function keepPending(live: Conversation['live'], messages: readonly Message[]): Conversation['live'] {
  const pending = new Set(messages.filter(isPending).map((message) => message.id))
  const kept = Object.entries(live).filter(([id]) => pending.has(id))
  return kept.length === Object.keys(live).length ? live : Object.fromEntries(kept)
}

/**
 * Puts a piece into its place: within the same run it may overlap what is known but leave no gap, another run must
 * start at 0.
 */
function applyLive(state: Conversation, { answerId, run, offset, text }: Live): Applied {
  const message = find(state, answerId)
  if (message && isFinal(message)) return fits(state)
  const current = state.live[answerId]
  const sameRun = current?.run === run
  if (sameRun ? offset > current.text.length : offset > 0) return { state, resync: true }
  const known = sameRun ? current.text : ''
  const next = offset === known.length ? known + text : known.slice(0, offset) + text
  const live = { ...state.live, [answerId]: { run, text: next } }
  if (message && message.status !== 'generating') return fits({ ...putMessage(state, generating(message)), live })
  return fits({ ...state, live })
}

function applyStarted(state: Conversation, started: { answerId: string; run: string; attempt: number }): Conversation {
  const message = find(state, started.answerId)
  if (message?.status === 'completed') return state
  const same = state.live[started.answerId]?.run === started.run
  const live = same ? state.live : { ...state.live, [started.answerId]: { run: started.run, text: '' } }
  const next = message ? putMessage(state, { ...generating(message), attempt: started.attempt }) : state
  return { ...next, live }
}

/** The message as it is once its run writes: the reasons for waiting no longer hold. */
function generating(message: Message): Message {
  const next: Message = { ...message, status: 'generating' }
  delete next.nextAttemptAt
  delete next.expectedAt
  delete next.ahead
  delete next.waitsFor
  delete next.error
  return next
}

/** An event that was on its way while the snapshot was made must not take an answer back to its beginning. */
function applyCreated(state: Conversation, message: Message): Conversation {
  const known = find(state, message.id)
  return known && (known.status === 'generating' || known.status === 'completed') ? state : putMessage(state, message)
}

/** Replaces the message when it is not newer already, or adds it after its parent. A final one ends its live text. */
function putMessage(state: Conversation, message: Message): Conversation {
  const at = state.messages.findLastIndex((other) => other.id === message.id)
  const known = state.messages[at]
  if (known && isOutdated(message, known)) return state
  const messages = at >= 0 ? state.messages.with(at, message) : addMessage(state.messages, message)
  const live = isFinal(message) && message.id in state.live ? without(state.live, message.id) : state.live
  return { ...state, messages, live, loaded: true }
}

/**
 * Behind its parent, where one is here, what followed there is another branch now: one message has one next. What came before
 * it by another way stays behind it.
 */
function addMessage(messages: readonly Message[], message: Message): readonly Message[] {
  const parent = messages.findLastIndex((other) => other.id === message.parentId)
  const known = message.parentId === undefined || parent >= 0
  const child = messages.findIndex((other) => other.parentId === message.id)
  const after = child < 0 ? [] : messages.slice(child)
  const before = known ? messages.slice(0, parent + 1) : messages.slice(0, child < 0 ? undefined : child)
  return [...before, message, ...after]
}

function without(live: Conversation['live'], id: string): Conversation['live'] {
  return Object.fromEntries(Object.entries(live).filter(([key]) => key !== id))
}
