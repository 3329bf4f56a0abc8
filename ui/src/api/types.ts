// The API's types by their own names. `npm run generate` makes them from the OpenAPI file.
import type { components } from './generated/schema'

type Schemas = components['schemas']
export type Chat = Schemas['Chat']
export type ChatPage = Schemas['ChatPage']
export type Message = Schemas['Message']
export type MessagePage = Schemas['MessagePage']
export type MessageStatus = Schemas['Status']
export type NewMessage = Schemas['NewMessage']
export type GenerationSettings = Schemas['GenerationSettings']
export type ChatChange = Schemas['ChatChange']
export type ChatFile = Schemas['ChatFile']
export type Hit = Schemas['Hit']
export type Sent = Schemas['Sent']
export type Prompt = Schemas['Prompt']
export type PromptInput = Schemas['PromptInput']
export type Variable = Schemas['Variable']
export type Problem = Schemas['Problem']
export type Health = Schemas['Health']
export type Model = Schemas['Model']
export type Models = Schemas['Models']
export type Live = Schemas['Live']
export type DeadLetter = Schemas['DeadLetter']
export type DeadLetterCounts = Schemas['DeadLetterCounts']
export type KeyGroup = Schemas['KeyGroup']
export type Worker = Schemas['Worker']

/** A chat's live events by the name in the SSE `event:` field. */
export type ChatEvent =
  | { type: 'snapshot'; data: Schemas['Snapshot'] }
  | { type: 'message.created' | 'message.updated'; data: Schemas['MessageEvent'] }
  | { type: 'message.deleted'; data: Schemas['MessageDeleted'] }
  | { type: 'answer.started'; data: Schemas['AnswerStarted'] }
  | { type: 'answer.delta'; data: Live }
  | { type: 'answer.queued' | 'answer.retrying' | 'answer.completed' | 'answer.failed' | 'answer.cancelled'; data: Schemas['MessageEvent'] }
  | { type: 'chat.updated'; data: Schemas['ChatEvent'] }
  | { type: 'chat.deleted'; data: Schemas['ChatDeleted'] }
  | { type: 'notice'; data: Schemas['Notice'] }
