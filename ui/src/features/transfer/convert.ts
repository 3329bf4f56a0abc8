// What other chats export, as files that Parley imports: ChatGPT's conversations.json and Open WebUI's chat exports.
import type { ChatFile } from '@/api/types'

type Entry = ChatFile['messages'][number]
type Json = Record<string, unknown>

/** A file that is none of the known kinds. */
export class UnknownFile extends Error {}

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)
const text = (value: unknown) => (typeof value === 'string' ? value : undefined)

/** All chats of a file. Throws UnknownFile where there is none. */
export function chatsOf(file: unknown, newId: () => string, now: Date): ChatFile[] {
  if (isObject(file) && file.format === 'parley-chat') return [file as unknown as ChatFile]
  const all = Array.isArray(file) ? file : [file]
  const chats = all.flatMap((one) => {
    if (!isObject(one)) return []
    if (one.format === 'parley-chat') return [one as unknown as ChatFile]
    if (isObject(one.mapping)) return [fromChatGpt(one, one.mapping, newId, now)]
    const chat = isObject(one.chat) ? one.chat : one
    const history = isObject(chat.history) && isObject(chat.history.messages) ? chat.history : undefined
    return history ? [fromOpenWebUi(one, chat, history, newId, now)] : []
  })
  if (chats.length === 0) throw new UnknownFile('neither Parley, ChatGPT nor Open WebUI has written this file')
  return chats
}

interface Node {
  role: 'user' | 'assistant' | undefined
  content: string
  parent: string | undefined
  children: readonly string[]
  model?: string
  at?: number
}

function fromChatGpt(one: Json, mapping: Json, newId: () => string, now: Date): ChatFile {
  const nodes = new Map<string, Node>()
  for (const [id, value] of Object.entries(mapping)) {
    if (!isObject(value)) continue
    const message = isObject(value.message) ? value.message : {}
    const author = isObject(message.author) ? text(message.author.role) : undefined
    const content = isObject(message.content) ? message.content : {}
    const parts = Array.isArray(content.parts) ? content.parts : []
    const metadata = isObject(message.metadata) ? message.metadata : {}
    const hidden = metadata.is_visually_hidden_from_conversation === true
    nodes.set(id, {
      // Tools and hidden instructions are passed over; what hangs on them hangs on what is above.
      role: !hidden && (author === 'user' || author === 'assistant') ? author : undefined,
      content: parts.filter((part) => typeof part === 'string').join('\n\n'),
      parent: text(value.parent),
      children: Array.isArray(value.children) ? value.children.filter((child) => typeof child === 'string') : [],
      model: text(metadata.model_slug),
      at: typeof message.create_time === 'number' ? message.create_time * 1000 : undefined,
    })
  }
  return fileOf(text(one.title), nodes, text(one.current_node), newId, now)
}

function fromOpenWebUi(one: Json, chat: Json, history: Json, newId: () => string, now: Date): ChatFile {
  const nodes = new Map<string, Node>()
  for (const [id, value] of Object.entries(history.messages as Json)) {
    if (!isObject(value)) continue
    const role = text(value.role)
    nodes.set(id, {
      role: role === 'user' || role === 'assistant' ? role : undefined,
      content: text(value.content) ?? '',
      parent: text(value.parentId),
      children: Array.isArray(value.childrenIds) ? value.childrenIds.filter((child) => typeof child === 'string') : [],
      model: text(value.model),
      at: typeof value.timestamp === 'number' ? value.timestamp * 1000 : undefined,
    })
  }
  return fileOf(text(chat.title) ?? text(one.title), nodes, text(history.currentId), newId, now)
}

/** Questions and answers in turn: consecutive ones of a role become one, and empty ones are left out. */
function fileOf(title: string | undefined, nodes: ReadonlyMap<string, Node>, current: string | undefined, newId: () => string, now: Date): ChatFile {
  const messages: Entry[] = []
  const byId = new Map<string, Entry>()
  let head: string | undefined
  const seen = new Set<string>()
  const roots = [...nodes].filter(([, node]) => node.parent === undefined || !nodes.has(node.parent)).map(([id]) => id)
  const stack: { id: string; parent: string | undefined }[] = roots.reverse().map((id) => ({ id, parent: undefined }))
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const node = nodes.get(top.id)
    if (!node || seen.has(top.id)) continue
    seen.add(top.id)
    const added = add(node, top.parent)
    if (top.id === current) head = added
    const parent = added
    for (const child of [...node.children].reverse()) stack.push({ id: child, parent })
  }
  return {
    format: 'parley-chat',
    version: 1,
    ...(title === undefined || title.trim() === '' ? {} : { title: title.trim().slice(0, 200) }),
    ...(head === undefined ? {} : { head }),
    messages,
  }

  function add(node: Node, parent: string | undefined): string | undefined {
    const content = clean(node.content)
    if (node.role === undefined || content.trim() === '') return parent
    const above = parent === undefined ? undefined : byId.get(parent)
    const at = node.at !== undefined && node.at > 0 && node.at <= now.getTime() ? new Date(node.at).toISOString() : undefined
    if (above?.role === node.role) {
      // Only where nothing else hangs on it: another version must not get the text.
      if (!messages.some((other) => other.parentId === above.id)) {
        above.content = `${above.content}\n\n${content}`
        return above.id
      }
      return parent
    }
    // An answer that nobody asked for has nowhere to stand.
    if (above === undefined && node.role === 'assistant') return parent
    const entry: Entry = {
      id: newId(),
      ...(above === undefined ? {} : { parentId: above.id }),
      role: node.role,
      content,
      ...(node.role === 'assistant' ? { status: 'completed' } : {}),
      ...(node.role === 'assistant' && node.model ? { model: node.model.slice(0, 100) } : {}),
      ...(at === undefined ? {} : { createdAt: at }),
    }
    messages.push(entry)
    byId.set(entry.id, entry)
    return entry.id
  }
}

/** What PostgreSQL cannot hold: NUL characters and halves of surrogate pairs. */
function clean(content: string): string {
  return content.replaceAll('\0', '\uFFFD').toWellFormed()
}
