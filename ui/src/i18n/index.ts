// The page's languages. Texts are asked for with t(); a component or computed value that asks follows a change of language.
import { computed, shallowRef } from 'vue'
import { createI18n } from 'vue-i18n'
import type { Messages } from './en'
import type { LaterMessages } from './en.later'

export const languages = { en: 'English', ru: 'Русский' } as const
export type Language = keyof typeof languages
export const isLanguage = (value: unknown): value is Language => typeof value === 'string' && Object.hasOwn(languages, value)

type Leaves<T> = { [K in keyof T & string]: T[K] extends string ? K : `${K}.${Leaves<T[K]>}` }[keyof T & string]
export type TextKey = Leaves<Messages> | Leaves<LaterMessages>
export type Named = Record<string, string | number>

export type Problems = Partial<Record<string, { title: string; detail?: string }>>

// One file each, of which a page loads one.
const texts: Record<Language, () => Promise<{ default: Messages }>> = { en: () => import('./en'), ru: () => import('./ru') }
const laterTexts: Record<Language, () => Promise<{ default: LaterMessages }>> = { en: () => import('./en.later'), ru: () => import('./ru.later') }
// What the services say is English already; seldom needed, so that nobody waits for it.
const translations: Partial<Record<Language, () => Promise<{ default: Problems }>>> = { ru: () => import('./problems.ru') }
const loaded = new Set<Language>()
const laterLoads: Partial<Record<Language, Promise<void>>> = {}
let shownOnce = false
const problems = shallowRef<Problems>({})
const categories = { ru: ['one', 'few', 'many'] } as const
const russian = new Intl.PluralRules('ru')

const i18n = createI18n<false>({
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- still asked for by this version's types
  legacy: false,
  locale: 'en',
  // No text is missing in any language (a test says so): falling back would hide it.
  fallbackLocale: [],
  messages: {},
  pluralRules: { ru: (choice: number) => Math.max(0, (categories.ru as readonly string[]).indexOf(russian.select(choice))) },
})
const composer = i18n.global

export const language = computed(() => composer.locale.value as Language)

/** The text of a key. `count` chooses the plural form and is there as `{n}`. */
export function t(key: TextKey, named: Named = {}, count?: number): string {
  return count === undefined ? composer.t(key, named) : composer.t(key, { n: count, ...named }, count)
}

/** Loads a language once and shows the page in it. Rejects when its texts cannot be loaded. */
export async function setLanguage(next: Language): Promise<void> {
  if (!loaded.has(next)) {
    composer.setLocaleMessage(next, (await texts[next]()).default as never)
    loaded.add(next)
  }
  const rest = loadLater(next)
  // Only the first screen must not wait; another language is shown when all of it is there.
  if (shownOnce) await rest
  else rest.catch(() => undefined)
  shownOnce = true
  composer.locale.value = next
  if (typeof document !== 'undefined') document.documentElement.lang = next
  problems.value = {}
  void translateProblems(next)
}

/** Once for each language; what failed is tried again by the next who asks. */
function loadLater(of: Language): Promise<void> {
  return (laterLoads[of] ??= laterTexts[of]().then(
    ({ default: messages }) => composer.mergeLocaleMessage(of, messages as never),
    (error: unknown) => {
      Reflect.deleteProperty(laterLoads, of)
      throw error
    },
  ))
}

/** A loader of something beyond the first screen that waits for its texts too. */
export function withTexts<T>(load: () => Promise<T>): () => Promise<T> {
  return async () => {
    const [module] = await Promise.all([load(), loadLater(language.value)])
    return module
  }
}

/** Afterwards, and without a word when it fails: then the services' own English is shown. */
async function translateProblems(of: Language): Promise<void> {
  const found = await translations[of]?.().catch(() => undefined)
  if (found && language.value === of) problems.value = found.default
}

/** What a service says of a problem, in the page's language as far as its type is known. */
export function problemText<P extends { type: string; title: string; detail: string }>(problem: P): P {
  const known = problems.value[problem.type.replace(/^urn:parley:problem:/, '')]
  return known ? { ...problem, title: known.title, detail: known.detail ?? problem.detail } : problem
}

/** The first of the browser's languages that the page speaks, else English. */
export function browserLanguage(preferred: readonly string[] = navigator.languages): Language {
  return preferred.map((tag) => tag.split('-')[0]).find(isLanguage) ?? 'en'
}

const formats = new Map<string, Intl.DateTimeFormat>()
/** A date in the page's language. */
export function formatDate(date: Date, options: Intl.DateTimeFormatOptions = { dateStyle: 'medium', timeStyle: 'short' }): string {
  const key = language.value + JSON.stringify(options)
  let format = formats.get(key)
  if (!format) formats.set(key, (format = new Intl.DateTimeFormat(country(), options)))
  return format.format(date)
}

/** The page's language as the reader's country writes it: 24 hours for the British. */
function country(): string {
  return navigator.languages.find((tag) => tag.split('-')[0] === language.value) ?? language.value
}

/** A whole number in the page's language. */
export function formatNumber(value: number): string {
  return value.toLocaleString(language.value)
}
