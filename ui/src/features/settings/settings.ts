// What this browser's user prefers; kept here, followed by all open tabs. See also public/first-paint.js.
import { computed, reactive, readonly, watch } from 'vue'
import type { GenerationSettings } from '@/api/types'
import { browserLanguage, isLanguage, setLanguage, type Language } from '@/i18n'
import { storageKey, store, stored } from '@/lib/storage'

export interface Settings {
  theme: 'system' | 'light' | 'dark'
  /** Undefined: the browser's. */
  language: Language | undefined
  density: 'comfortable' | 'compact'
  textSize: 'small' | 'normal' | 'large' | 'huge'
  /** What sends: Enter, or Ctrl/⌘ and Enter. */
  sendKey: 'enter' | 'mod-enter'
  /** The system instruction that new chats begin with; empty for none. */
  instruction: string
}

/** The longest that the API takes. */
export const longestInstruction = 20_000

export const choices = {
  theme: ['system', 'light', 'dark'],
  density: ['comfortable', 'compact'],
  textSize: ['small', 'normal', 'large', 'huge'],
  sendKey: ['enter', 'mod-enter'],
} as const

const initial: Settings = { theme: 'system', language: undefined, density: 'comfortable', textSize: 'normal', sendKey: 'enter', instruction: '' }

/** Takes from what is stored whatever this page understands. */
export function settingsFrom(value: unknown): Settings {
  if (typeof value !== 'object' || value === null) return { ...initial }
  const given = value as Record<string, unknown>
  const one = <T extends string>(of: readonly T[], candidate: unknown, otherwise: T): T =>
    of.find((known) => known === candidate) ?? otherwise
  return {
    theme: one(choices.theme, given.theme, initial.theme),
    language: isLanguage(given.language) ? given.language : undefined,
    density: one(choices.density, given.density, initial.density),
    textSize: one(choices.textSize, given.textSize, initial.textSize),
    sendKey: one(choices.sendKey, given.sendKey, initial.sendKey),
    instruction: typeof given.instruction === 'string' ? given.instruction.slice(0, longestInstruction) : initial.instruction,
  }
}

/** How the model is asked in a chat that begins now; undefined where nothing is wished. */
export function newChatSettings(): GenerationSettings | undefined {
  const systemInstruction = state.instruction.trim()
  return systemInstruction === '' ? undefined : { systemInstruction }
}

const isAnything = (value: unknown): value is object => typeof value === 'object' && value !== null
const state = reactive<Settings>(settingsFrom(stored('settings', isAnything)))
export const settings = readonly(state)

export const shownLanguage = computed<Language>(() => state.language ?? browserLanguage())

export function change(next: Partial<Settings>): void {
  Object.assign(state, next)
  store('settings', state)
}

/** What of the settings is the document's: done before the first paint by first-paint.js, and here when they change. */
function show(): void {
  const { dataset } = document.documentElement
  for (const [name, value, usual] of [
    ['theme', state.theme, 'system'],
    ['density', state.density, 'comfortable'],
    ['text', state.textSize, 'normal'],
  ] as const) {
    if (value === usual) Reflect.deleteProperty(dataset, name)
    else dataset[name] = value
  }
}

/** Begins to follow the settings, for as long as the page lives. */
export async function followSettings(): Promise<void> {
  addEventListener('storage', (event) => {
    if (event.key === storageKey('settings')) Object.assign(state, settingsFrom(stored('settings', isAnything)))
  })
  watch(state, show, { immediate: true })
  // A language that cannot be loaded (offline, a new version on the server) leaves the one that is shown.
  watch(shownLanguage, (next) => void setLanguage(next).catch(() => undefined))
  await setLanguage(shownLanguage.value)
}
