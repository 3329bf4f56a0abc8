// What several tests need: messages, repeatable chance, and an API that answers as told.
import { vi } from 'vitest'
import type { Chat, Message, Sent } from '@/api/types'

export const at = '2026-03-04T10:00:00Z'

export const chat: Chat = { id: 'chat', title: 'A chat', createdAt: at, pinned: false, archived: false, updatedAt: at }

export function message(id: string, change: Partial<Message> = {}): Message {
  return { id, chatId: 'chat', role: 'assistant', content: '', status: 'queued', createdAt: at, ...change }
}

export function question(id: string, content: string, change: Partial<Message> = {}): Message {
  return message(id, { role: 'user', status: 'completed', content, ...change })
}

export function sent(id: string, content: string, change: Partial<Message> = {}): Sent {
  return { message: question(id, content, change), answer: message(`${id}-answer`, { parentId: id }) }
}

/** Repeatable random numbers in [0, 1) (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export function json(status: number, body: unknown, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json', ...headers } })
}

export function problem(status: number, headers: Record<string, string> = {}): Response {
  return json(status, { type: 'urn:parley:problem:test', title: 'No', status, detail: `Refused with ${status}.` }, headers)
}

/** Puts `answer` in the network's place; the requests come back in the order they were made. */
export function stubApi(answer: (request: Request, index: number) => Response | Promise<Response>): Request[] {
  const requests: Request[] = []
  vi.stubGlobal('fetch', async (request: Request) => {
    requests.push(request.clone())
    return answer(request, requests.length - 1)
  })
  return requests
}
