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

/** What a form asks for: the label, or the name made readable. */
export function labelOf({ name, label }: Variable): string {
  if (label !== undefined && label !== '') return label
  const words = name.replaceAll('_', ' ').trim() || name
  return words.charAt(0).toUpperCase() + words.slice(1)
}
