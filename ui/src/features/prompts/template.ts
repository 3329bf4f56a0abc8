// Prompt templates: `{{name}}` stands for a variable.
import type { Variable } from '@/api/types'

const pattern = /\{\{([A-Za-z_][A-Za-z0-9_]{0,63})\}\}/g

/** The names in the text, each once, in the order they come. */
export function namesIn(text: string): string[] {
  return [...new Set(Array.from(text.matchAll(pattern), (match) => match[1] ?? ''))]
}

/** Declares exactly the variables that the text uses; what was declared of them before is kept. */
export function declare(text: string, before: readonly Variable[]): Variable[] {
  const known = new Map(before.map((variable) => [variable.name, variable]))
  return namesIn(text).map((name) => known.get(name) ?? { name })
}

/** The text with the values in place; a value that is not given is its default, or stays as `{{name}}`. */
export function fill(text: string, variables: readonly Variable[], values: Readonly<Record<string, string>>): string {
  const defaults = new Map(variables.map((variable) => [variable.name, variable.default]))
  return text.replace(pattern, (whole, name: string) => {
    const value = Object.hasOwn(values, name) ? values[name] : undefined
    return value !== undefined && value !== '' ? value : (defaults.get(name) ?? whole)
  })
}

/** The names that have neither a value nor a default. */
export function missing(variables: readonly Variable[], values: Readonly<Record<string, string>>): string[] {
  return variables
    .filter(({ name, default: fallback }) => (values[name] ?? '') === '' && fallback === undefined)
    .map(({ name }) => name)
}

/** What a form begins with: a choice, number or date shows its default; of a text it is the hint. */
export function firstValues(variables: readonly Variable[]): Record<string, string> {
  return Object.fromEntries(
    variables.map(({ name, type, default: fallback }) => [name, type === 'choice' || type === 'number' || type === 'date' ? (fallback ?? '') : '']),
  )
}

/** The templates in which all words are, those with the words in their names first. */
export function findPrompts<P extends { name: string; text: string }>(prompts: readonly P[], words: string): P[] {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean)
  const score = ({ name, text }: P): number => {
    const [title, all] = [name.toLowerCase(), `${name}\n${text}`.toLowerCase()]
    if (!wanted.every((word) => all.includes(word))) return 0
    return wanted.every((word) => title.includes(word)) ? (title.startsWith(wanted[0] ?? '') ? 3 : 2) : 1
  }
  return prompts
    .map((prompt) => ({ prompt, rank: score(prompt) }))
    .filter(({ rank }) => rank > 0)
    .sort((a, b) => b.rank - a.rank)
    .map(({ prompt }) => prompt)
}

/** The word after a `/` that the text ends with: what somebody looks for a template with. */
export function slashWord(text: string): string | undefined {
  return /(?:^|\n)\/([^\s/]{0,60})$/.exec(text)?.[1]
}

/** What a form asks for: the label, or the name made readable. */
export function labelOf({ name, label }: Variable): string {
  if (label !== undefined && label !== '') return label
  const words = name.replaceAll('_', ' ').trim() || name
  return words.charAt(0).toUpperCase() + words.slice(1)
}
