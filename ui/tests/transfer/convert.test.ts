import { describe, expect, it } from 'vitest'
import { chatsOf, UnknownFile } from '@/features/transfer/convert'

const now = new Date('2026-11-23T00:00:00Z')
function ids(): () => string {
  let n = 0
  return () => `id-${++n}`
}
const read = (file: unknown) => chatsOf(file, ids(), now)

describe('files of other chats', () => {
  it('keeps the branches of a ChatGPT conversation and passes over tools', () => {
    const message = (role: string, text: string, more = {}) => ({ author: { role }, content: { content_type: 'text', parts: [text] }, create_time: 1_700_000_000, metadata: {}, ...more })
    const [chat] = read([
      {
        title: 'Foxes',
        current_node: 'b2',
        mapping: {
          root: { message: null, children: ['sys'] },
          sys: { parent: 'root', message: message('system', 'secret'), children: ['a'] },
          a: { parent: 'sys', message: message('user', 'one'), children: ['b1', 'b2'] },
          b1: { parent: 'a', message: message('assistant', 'first'), children: [] },
          b2: { parent: 'a', message: message('tool', 'looking it up'), children: ['b3'] },
          b3: { parent: 'b2', message: message('assistant', 'second', { metadata: { model_slug: 'gpt-x' } }), children: [] },
        },
      },
    ])
    expect(chat).toEqual({
      format: 'parley-chat',
      version: 1,
      title: 'Foxes',
      head: 'id-1',
      messages: [
        { id: 'id-1', role: 'user', content: 'one', createdAt: '2023-11-14T22:13:20.000Z' },
        { id: 'id-2', parentId: 'id-1', role: 'assistant', status: 'completed', content: 'first', createdAt: '2023-11-14T22:13:20.000Z' },
        { id: 'id-3', parentId: 'id-1', role: 'assistant', status: 'completed', content: 'second', model: 'gpt-x', createdAt: '2023-11-14T22:13:20.000Z' },
      ],
    })
  })

  it('reads an export of Open WebUI, joining what one side said in a row', () => {
    const messages = {
      a: { role: 'user', content: 'one', parentId: null, childrenIds: ['b'] },
      b: { role: 'user', content: 'and two\0', parentId: 'a', childrenIds: ['c'] },
      c: { role: 'assistant', content: 'both', parentId: 'b', childrenIds: ['d'], model: 'llama', timestamp: 9_999_999_999 },
      d: { role: 'user', content: '   ', parentId: 'c', childrenIds: [] },
    }
    const [chat] = read([{ title: 'x', chat: { title: 'Webui', history: { currentId: 'c', messages } } }])
    expect(chat?.title).toBe('Webui')
    expect(chat?.head).toBe('id-2')
    expect(chat?.messages).toEqual([
      { id: 'id-1', role: 'user', content: 'one\n\nand two\uFFFD' },
      { id: 'id-2', parentId: 'id-1', role: 'assistant', status: 'completed', content: 'both', model: 'llama' },
    ])
  })

  it('leaves its own files as they are and refuses others', () => {
    const own = { format: 'parley-chat', version: 1, messages: [] }
    expect(read(own)).toEqual([own])
    for (const other of [null, 'text', 7, [], {}, [{ mapping: 1 }], { chat: { history: {} } }]) expect(() => read(other)).toThrow(UnknownFile)
  })

  it('ends on files whose messages run in circles', () => {
    const message = { author: { role: 'user' }, content: { parts: ['x'] } }
    const [chat] = read({ mapping: { a: { parent: 'none', message, children: ['b'] }, b: { parent: 'a', message, children: ['a', 'b'] } } })
    expect(chat?.messages).toHaveLength(1)
  })
})
