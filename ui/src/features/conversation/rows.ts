// How high a message will be, roughly, before it has been drawn.
import type { Message } from '@/api/types'

const line = 27

/** In pixels, for a column of usual width; it only has to be near enough that the scroll bar does not jump much. */
export function estimateHeight({ role, content }: Pick<Message, 'role' | 'content'>): number {
  const perLine = role === 'user' ? 70 : 88
  const breaks = content.split('\n', 2_000).reduce((lines, text) => lines + Math.max(1, Math.ceil(text.length / perLine)), 0)
  return Math.min(60_000, (role === 'user' ? 44 : 60) + breaks * line)
}
