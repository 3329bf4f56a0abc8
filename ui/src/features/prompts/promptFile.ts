// Prompt templates as a JSON file: written by an export, and read with the distrust that a file from elsewhere deserves.
import type { Prompt, PromptInput, Variable } from '@/api/types'
import { declare } from './template'

const format = 'parley-prompts'
/** What the API takes; more than that is not a library but a mistake. */
const most = { prompts: 500, name: 200, text: 50_000, variables: 50, label: 200, value: 10_000, choices: 50, choice: 200 }
export const largestFile = 8_000_000
const types = ['text', 'long', 'choice', 'number', 'date'] as const

export function writePrompts(prompts: readonly Prompt[]): string {
  const items = prompts.map(({ name, text, variables }): PromptInput => ({ name, text, variables }))
  return JSON.stringify({ format, version: 1, prompts: items }, undefined, 2)
}

/** The templates of a file, or undefined when it is not one of ours. What does not fit is left out and counted. */
export function readPrompts(json: string): { prompts: PromptInput[]; skipped: number } | undefined {
  let file: unknown
  try {
    file = JSON.parse(json)
  } catch {
    return undefined
  }
  if (!isRecord(file) || file.format !== format || file.version !== 1 || !Array.isArray(file.prompts)) return undefined
  const all: unknown[] = file.prompts
  const prompts = all.slice(0, most.prompts).flatMap((value) => promptOf(value) ?? [])
  return { prompts, skipped: all.length - prompts.length }
}

/** Those that are not there yet: the same name and text make the same template. */
export function newOnes(prompts: readonly PromptInput[], known: readonly Pick<Prompt, 'name' | 'text'>[]): PromptInput[] {
  return prompts.filter(({ name, text }) => !known.some((other) => other.name === name && other.text === text))
}

function promptOf(value: unknown): PromptInput | undefined {
  if (!isRecord(value)) return undefined
  const { name, text } = value
  if (!isText(name, most.name) || !isText(text, most.text)) return undefined
  const declared = Array.isArray(value.variables) ? value.variables.flatMap((each: unknown) => variableOf(each) ?? []) : []
  // Each variable that is used must be declared, and each declared one used: the text has the last word.
  const variables = declare(text, declared)
  return variables.length > most.variables ? undefined : { name: name.trim(), text, variables }
}

function variableOf(value: unknown): Variable | undefined {
  if (!isRecord(value) || typeof value.name !== 'string') return undefined
  const variable: Variable = { name: value.name }
  if (isText(value.label, most.label)) variable.label = value.label
  if (isText(value.default, most.value)) variable.default = value.default
  const type = types.find((known) => known === value.type)
  if (type === 'choice') {
    const given: unknown[] = Array.isArray(value.choices) ? value.choices : []
    const choices = [...new Set(given.filter((choice): choice is string => isText(choice, most.choice)))].slice(0, most.choices)
    if (choices.length === 0) return variable
    if (variable.default !== undefined && !choices.includes(variable.default)) delete variable.default
    return { ...variable, type, choices }
  }
  return type === undefined ? variable : { ...variable, type }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isText(value: unknown, longest: number): value is string {
  return typeof value === 'string' && value.trim() !== '' && value.length <= longest
}
