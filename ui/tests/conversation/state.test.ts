import { describe, expect, it } from 'vitest'
import { applyEvent, emptyConversation, type Conversation, type ConversationEvent } from '@/features/conversation/state'
import type { Live, Message } from '@/api/types'
import { at, chat, message, question, seeded, sent } from '../support'

const running = message('a', { status: 'generating', parentId: 'q' })

function snapshot(messages: Message[], live: Live[] = [], next?: string): ConversationEvent {
  return { type: 'snapshot', data: { chat, messages, versions: {}, live, next } }
}

function delta(offset: number, text: string, run = 'r1', answerId = 'a'): ConversationEvent {
  return { type: 'answer.delta', data: { answerId, run, offset, text } }
}

function started(run: string, attempt = 1): ConversationEvent {
  return { type: 'answer.started', data: { answerId: 'a', run, attempt } }
}

function follow(events: readonly ConversationEvent[], from: Conversation = emptyConversation): Conversation {
  return events.reduce((state, event) => applyEvent(state, event).state, from)
}

function textOf(state: Conversation, id = 'a'): string | undefined {
  return state.live[id]?.text
}

const begun = follow([snapshot([question('q', 'Hi'), running], [{ answerId: 'a', run: 'r1', offset: 0, text: 'Hello' }])])

describe('a snapshot', () => {
  it('replaces what was known', () => {
    const before = follow([snapshot([question('old', 'Old'), message('x', { status: 'completed' })])])
    const after = follow([snapshot([question('q', 'Hi'), running])], before)
    expect(after.messages.map((m) => m.id)).toEqual(['q', 'a'])
    expect(after).toMatchObject({ chat, loaded: true, deleted: false, liveAvailable: true })
  })

  it('brings the text so far, and deltas go on from there', () => {
    expect(textOf(begun)).toBe('Hello')
    expect(textOf(follow([delta(5, ', world')], begun))).toBe('Hello, world')
  })

  it('with only the rest of a resumed answer continues the text that is shown', () => {
    const resumed = applyEvent(begun, snapshot([question('q', 'Hi'), running], [{ answerId: 'a', run: 'r1', offset: 5, text: '!' }]))
    expect(resumed.resync).toBe(false)
    expect(textOf(resumed.state)).toBe('Hello!')
  })

  it('with the rest of a text that is not here asks for everything', () => {
    const live = [{ answerId: 'a', run: 'r1', offset: 5, text: '!' }]
    expect(applyEvent(emptyConversation, snapshot([question('q', 'Hi'), running], live)).resync).toBe(true)
  })

  it('ends the live text of an answer that became final while the line was cut', () => {
    const after = follow([snapshot([question('q', 'Hi'), { ...running, status: 'completed', content: 'Hello you' }])], begun)
    expect(textOf(after)).toBeUndefined()
    expect(after.messages[1]?.content).toBe('Hello you')
  })

  it('keeps older pages that join on to it, with their cursor, and equal messages as the same objects', () => {
    const second = question('q2', 'Two', { parentId: 'q1' })
    const loaded = follow([snapshot([second], [], 'c1'), { type: 'page.older', data: { items: [question('q1', 'One')], versions: { q1: ['q0', 'q1'] }, next: 'c2' } }])
    const after = follow([snapshot([{ ...second }, message('a2', { parentId: 'q2' })], [], 'c1')], loaded)
    expect(after.versions).toEqual({ q1: ['q0', 'q1'] })
    expect(after.messages.map((m) => m.id)).toEqual(['q1', 'q2', 'a2'])
    expect(after.older).toBe('c2')
    expect(after.messages[1]).toBe(loaded.messages[1])
  })
})

describe('a delta', () => {
  it.each([
    ['goes on at the end', 5, ' you', 'Hello you'],
    ['repeats what is known', 0, 'Hello', 'Hello'],
    ['overlaps and goes on', 3, 'lo there', 'Hello there'],
  ])('%s', (_, offset, text, expected) => {
    const applied = applyEvent(begun, delta(offset, text))
    expect(applied.resync).toBe(false)
    expect(textOf(applied.state)).toBe(expected)
  })

  it('that leaves a gap changes nothing and asks for everything', () => {
    expect(applyEvent(begun, delta(6, 'x'))).toEqual({ state: begun, resync: true })
  })

  it('of another run replaces the text from 0, and asks for everything from anywhere else', () => {
    expect(textOf(follow([delta(0, 'Anew', 'r2')], begun))).toBe('Anew')
    expect(applyEvent(begun, delta(5, 'x', 'r2'))).toEqual({ state: begun, resync: true })
  })

  it('counts offsets in UTF-16 units, so that 4-byte characters are never torn or doubled', () => {
    const state = follow([delta(0, 'a😀'), delta(3, '𝒳'), delta(1, '😀𝒳'), delta(5, '!')], follow([started('r1')], begun))
    expect(textOf(state)).toBe('a😀𝒳!')
  })

  it('shows a queued answer as being written', () => {
    const state = follow([snapshot([question('q', 'Hi'), message('a', { expectedAt: at, ahead: 2 })]), delta(0, 'H')])
    expect(state.messages[1]).toMatchObject({ status: 'generating' })
    expect(state.messages[1]).not.toHaveProperty('expectedAt')
    expect(state.messages[1]).not.toHaveProperty('ahead')
  })

  it('leaves the list of messages as it is, so that only one answer is drawn again', () => {
    expect(follow([delta(5, '!')], begun).messages).toBe(begun.messages)
  })
})

describe('pieces in any cut, repeated and overlapping', () => {
  const text = 'Grüße 😀 an 𝒳 — 日本語, `code`\n\n'.repeat(12)
  const points = Array.from(text)

  /** Offsets between whole characters, as the server sends them. */
  const offsets = points.reduce<number[]>((all, point) => [...all, (all.at(-1) ?? 0) + point.length], [0])

  it.each(Array.from({ length: 40 }, (_, index) => index + 1))('end in the same text (seed %i)', (seed) => {
    const random = seeded(seed)
    const upTo = (limit: number) => Math.floor(random() * (limit + 1))
    let state = follow([snapshot([question('q', 'Hi'), running]), started('r1')])
    let resyncs = 0
    let next = 0
    while (next < points.length) {
      const length = 1 + upTo(17)
      const to = Math.min(points.length, next + length)
      const piece: Live = { answerId: 'a', run: 'r1', offset: offsets[next] ?? 0, text: points.slice(next, to).join('') }
      const chance = random()
      if (chance < 0.08) {
        // Lost on the way: what comes after it must be noticed as a gap and mended by a snapshot.
        next = to
      } else {
        const applied = applyEvent(state, { type: 'answer.delta', data: piece })
        state = applied.state
        next = to
        if (applied.resync) {
          resyncs += 1
          state = follow([snapshot([question('q', 'Hi'), running], [{ ...piece, offset: 0, text: text.slice(0, offsets[to]) }])], state)
        }
        // Taken up again at an earlier event.
        if (chance > 0.75) next = Math.max(0, next - upTo(20))
        expect(text.startsWith(textOf(state) ?? '-')).toBe(true)
      }
    }
    const end = applyEvent(state, { type: 'answer.delta', data: { answerId: 'a', run: 'r1', offset: text.length, text: '' } })
    if (end.resync) state = follow([snapshot([question('q', 'Hi'), running], [{ answerId: 'a', run: 'r1', offset: 0, text }])], state)
    expect(textOf(state)).toBe(text)
    expect(resyncs).toBeLessThan(points.length)
  })
})

describe('a run', () => {
  it('that begins replaces the partial text of the one before', () => {
    const state = follow([started('r2', 2)], begun)
    expect(textOf(state)).toBe('')
    expect(state.messages[1]).toMatchObject({ status: 'generating', attempt: 2 })
    expect(textOf(follow([delta(0, 'Anew', 'r2')], state))).toBe('Anew')
  })

  it('announced twice keeps its text', () => {
    expect(textOf(follow([started('r1')], begun))).toBe('Hello')
  })

  it('does not reopen a completed answer', () => {
    const done = follow([{ type: 'answer.completed', data: { answerId: 'a', message: { ...running, status: 'completed', content: 'Hello' } } }], begun)
    expect(follow([started('r2')], done)).toBe(done)
  })

  it.each(['completed', 'failed', 'cancelled'] as const)('that ended as %s ends its live text; later deltas are ignored', (status) => {
    const final = { ...running, status, content: 'Hello you' }
    const state = follow([{ type: `answer.${status}`, data: { answerId: 'a', message: final } }], begun)
    expect(state.live).toEqual({})
    for (const late of [delta(5, ' late'), delta(0, 'late', 'r2'), delta(99, 'late')]) {
      expect(applyEvent(state, late)).toEqual({ state, resync: false })
    }
    expect(state.messages[1]).toEqual(final)
  })

  it('goes from retrying over generating to completed, and forgets why it waited', () => {
    const waits = { ...running, status: 'retrying' as const, attempt: 2, nextAttemptAt: at, error: { type: 'urn:x', title: 'Busy', detail: 'Busy.' } }
    const retrying = follow([{ type: 'answer.retrying', data: { answerId: 'a', message: waits } }], begun)
    expect(retrying.messages[1]).toEqual(waits)
    const generating = follow([started('r2', 3), delta(0, 'Hel', 'r2')], retrying)
    expect(generating.messages[1]).toMatchObject({ status: 'generating', attempt: 3 })
    expect(generating.messages[1]).not.toHaveProperty('error')
    expect(generating.messages[1]).not.toHaveProperty('nextAttemptAt')
    expect(textOf(generating)).toBe('Hel')
    const done = { ...running, status: 'completed' as const, content: 'Hello' }
    const completed = follow([{ type: 'answer.completed', data: { answerId: 'a', message: done } }], generating)
    expect(completed.messages[1]).toEqual(done)
    expect(completed.live).toEqual({})
  })
})

describe('an answer that is tried again', () => {
  it('shows that it waits, then its new text only', () => {
    const failed = { ...running, status: 'failed' as const }
    const queued = { ...running, status: 'queued' as const, expectedAt: at }
    const state = follow([
      { type: 'answer.failed', data: { answerId: 'a', message: failed } },
      { type: 'answer.queued', data: { answerId: 'a', message: queued } },
    ], begun)
    expect(state.messages[1]).toEqual(queued)
    const writes = follow([started('r2'), delta(0, 'Anew', 'r2')], state)
    expect(writes.messages[1]?.status).toBe('generating')
    expect(textOf(writes)).toBe('Anew')
  })
})

describe('a response that comes after what the stream has said since', () => {
  const retrying = { ...running, status: 'retrying' as const, round: 1, attempt: 2 }
  const queued = { ...running, status: 'queued' as const, round: 2 }
  const waits = follow([{ type: 'answer.retrying', data: { answerId: 'a', message: retrying } }], begun)
  const again: ConversationEvent = { type: 'answer.queued', data: { answerId: 'a', message: queued } }
  const response: ConversationEvent = { type: 'message.answered', data: queued }

  it('does not take an answer back that has ended meanwhile', () => {
    const done = { ...running, status: 'completed' as const, content: 'Done', round: 2 }
    const ended = follow([again, started('r2'), { type: 'answer.completed', data: { answerId: 'a', message: done } }], waits)
    expect(follow([response], ended)).toBe(ended)
    expect(follow([{ type: 'answer.retrying', data: { answerId: 'a', message: retrying } }], ended)).toBe(ended)
    expect(follow([{ type: 'page.latest', data: { items: [question('q', 'Hi'), queued], versions: {} } }], ended).messages[1]).toBe(done)
  })

  it('does not take an answer back that has begun meanwhile', () => {
    const writes = follow([again, started('r2'), delta(0, 'Anew', 'r2')], waits)
    expect(follow([response], writes)).toBe(writes)
  })

  it('is taken when it is of a later round, as that of a cancel', () => {
    const cancelled = { ...running, status: 'cancelled' as const, round: 3 }
    expect(follow([again, started('r2'), { type: 'message.answered', data: cancelled }], waits).messages[1]).toBe(cancelled)
    const failed = { ...running, status: 'failed' as const, round: 1 }
    const wasFailed = follow([{ type: 'answer.failed', data: { answerId: 'a', message: failed } }], begun)
    expect(follow([response], wasFailed).messages[1]).toBe(queued)
  })
})

describe('a sent message', () => {
  it('waits for the answer above as a follow-up and is released in its turn', () => {
    const followUp = sent('q2', 'And?', { parentId: 'a' })
    const waiting = { ...followUp.answer, waitsFor: 'a' }
    const state = follow([{ type: 'sent', data: { ...followUp, answer: waiting } }], begun)
    expect(state.messages.map((m) => m.id)).toEqual(['q', 'a', 'q2', 'q2-answer'])
    expect(state.messages[3]?.waitsFor).toBe('a')
    expect(textOf(state)).toBe('Hello')
    const released = follow([{ type: 'answer.started', data: { answerId: 'q2-answer', run: 'r9', attempt: 1 } }], state)
    expect(released.messages[3]).not.toHaveProperty('waitsFor')
  })

  it('counts once, whichever of stream and response is first, and the stream is the newer one', () => {
    const both = sent('q2', 'And?', { parentId: 'a' })
    const created = (m: Message): ConversationEvent => ({ type: 'message.created', data: { message: m } })
    const writes: ConversationEvent = { type: 'answer.started', data: { answerId: 'q2-answer', run: 'r', attempt: 1 } }
    const early = follow([created(both.message), created(both.answer), writes, { type: 'sent', data: both }], begun)
    const late = follow([{ type: 'sent', data: both }, created(both.message), writes, created(both.answer)], begun)
    for (const state of [early, late]) {
      expect(state.messages.map((m) => m.id)).toEqual(['q', 'a', 'q2', 'q2-answer'])
      expect(state.messages[3]?.status).toBe('generating')
    }
  })
})

describe('another version of a message', () => {
  const ids = (state: Conversation) => state.messages.map((m) => m.id)
  const first = follow([snapshot([question('q', 'One'), message('a', { status: 'completed', content: 'A', parentId: 'q' })])])

  it('is another branch from there on, whether it is the first message or a later one', () => {
    expect(ids(follow([{ type: 'sent', data: sent('r', 'Two') }], first))).toEqual(['r', 'r-answer'])
    const longer = follow([{ type: 'sent', data: sent('q2', 'And?', { parentId: 'a' }) }], first)
    expect(ids(longer)).toEqual(['q', 'a', 'q2', 'q2-answer'])
    expect(ids(follow([{ type: 'sent', data: sent('r2', 'But?', { parentId: 'a' }) }], longer))).toEqual(['q', 'a', 'r2', 'r2-answer'])
  })

  it('leaves nothing of the branch before, whichever of response and snapshot is first', () => {
    const second = sent('r', 'Two')
    const latest = snapshot([second.message, second.answer])
    expect(ids(follow([latest, { type: 'sent', data: second }], first))).toEqual(['r', 'r-answer'])
    expect(ids(follow([{ type: 'sent', data: second }, latest], first))).toEqual(['r', 'r-answer'])
    const mixed = { ...first, messages: [...first.messages, second.message, second.answer] }
    expect(ids(follow([latest], mixed))).toEqual(['r', 'r-answer'])
  })

  it('comes behind its answer too, when that is heard of first', () => {
    const { message: said, answer } = sent('q2', 'And?', { parentId: 'a' })
    const created = (m: Message): ConversationEvent => ({ type: 'message.created', data: { message: m } })
    expect(ids(follow([created(answer), created(said)], first))).toEqual(['q', 'a', 'q2', 'q2-answer'])
  })
})

describe('the rest of what the stream says', () => {
  it('asks for everything once when live text is back', () => {
    const gone = applyEvent(begun, { type: 'notice', data: { type: 'live-unavailable', detail: 'Redis is down' } })
    expect(gone).toMatchObject({ resync: false, state: { liveAvailable: false } })
    const back: ConversationEvent = { type: 'notice', data: { type: 'live-restored', detail: 'Back' } }
    const restored = applyEvent(gone.state, back)
    expect(restored).toMatchObject({ resync: true, state: { liveAvailable: true } })
    expect(applyEvent(restored.state, back).resync).toBe(false)
  })

  it('renames and deletes the chat', () => {
    expect(follow([{ type: 'chat.updated', data: { chat: { ...chat, title: 'New' } } }], begun).chat?.title).toBe('New')
    expect(follow([{ type: 'chat.deleted', data: { chatId: 'chat' } }], begun).deleted).toBe(true)
  })

  it('changes a message that was edited and takes out one that was withdrawn, with its answer', () => {
    const before = ['q', 'a'].reduce<Conversation>(
      (state, id) => applyEvent(state, { type: 'message.created', data: { message: id === 'q' ? question('q', 'Hello') : message('a', { parentId: 'q' }) } }).state,
      emptyConversation,
    )
    const edited = applyEvent(before, { type: 'message.updated', data: { message: question('q', 'Hello, you') } }).state
    expect(edited.messages.map(({ content }) => content)).toEqual(['Hello, you', ''])
    const gone = applyEvent(edited, { type: 'message.deleted', data: { messageId: 'q', answerId: 'a' } }).state
    expect(gone.messages).toEqual([])
    const unknown = applyEvent(gone, { type: 'message.updated', data: { message: question('older', 'x') } }).state
    expect(unknown.messages).toEqual([])
  })
})
