import { describe, expect, it } from 'vitest'
import type { Prompt } from '@/api/types'
import { newOnes, readPrompts, writePrompts } from '@/features/prompts/promptFile'
import { findPrompts, firstValues, slashWord } from '@/features/prompts/template'
import { at } from '../support'

const prompt: Prompt = {
  id: 'p', name: 'Translate', text: 'Put {{text}} into {{tongue}}', createdAt: at, updatedAt: at,
  variables: [{ name: 'text', type: 'long' }, { name: 'tongue', type: 'choice', choices: ['Thai', 'Greek'], default: 'Thai', label: 'Into' }],
}
const file = (prompts: unknown[]) => JSON.stringify({ format: 'parley-prompts', version: 1, prompts })

describe('a file of templates', () => {
  it('is read as it was written', () => {
    expect(readPrompts(writePrompts([prompt]))).toEqual({ prompts: [{ name: prompt.name, text: prompt.text, variables: prompt.variables }], skipped: 0 })
  })

  it.each(['', '[]', '{}', 'null', '{"format":"parley-prompts","version":2,"prompts":[]}', '{"format":"other","version":1,"prompts":[]}'])(
    'is not %j',
    (text) => {
      expect(readPrompts(text)).toBeUndefined()
    },
  )

  it('gives what fits and counts the rest', () => {
    const read = readPrompts(file([prompt, { name: '', text: 'x' }, { name: 'x' }, 7, null, { name: 'Long', text: 'x'.repeat(50_001) }]))
    expect(read).toMatchObject({ prompts: [{ name: 'Translate' }], skipped: 5 })
    expect(readPrompts(file(Array.from({ length: 501 }, () => prompt)))).toMatchObject({ skipped: 1 })
  })

  it('declares exactly the variables that a text uses, with only what the API takes of them', () => {
    const odd = {
      name: ' Odd ', text: '{{a}} {{b}} {{c}}', extra: '<script>', id: 'x',
      variables: [
        { name: 'gone' }, { name: 'a', type: 'evil', default: 5 }, { name: 'b', type: 'choice', choices: [] },
        { name: 'c', type: 'choice', choices: ['x', 'x', '', 3], default: 'y' },
      ],
    }
    expect(readPrompts(file([odd]))?.prompts).toEqual([
      { name: 'Odd', text: odd.text, variables: [{ name: 'a' }, { name: 'b' }, { name: 'c', type: 'choice', choices: ['x'] }] },
    ])
  })

  it('brings each template in once', () => {
    expect(newOnes([prompt, { name: 'New', text: 'x', variables: [] }], [prompt])).toMatchObject([{ name: 'New' }])
  })
})

describe('looking for a template', () => {
  const all = [{ name: 'Mail', text: 'Translate this' }, { name: 'To translate', text: 'x' }, { name: 'Translate', text: 'y' }]

  it('finds all words, in the names first', () => {
    expect(findPrompts(all, 'translate').map(({ name }) => name)).toEqual(['Translate', 'To translate', 'Mail'])
    expect(findPrompts(all, 'this TRANS').map(({ name }) => name)).toEqual(['Mail'])
    expect(findPrompts(all, ' ')).toHaveLength(3)
    expect(findPrompts(all, 'nothing')).toEqual([])
  })

  it.each<[string, string | undefined]>([['/', ''], ['/tra', 'tra'], ['Hello\n/tra', 'tra'], ['a/b', undefined], ['/usr/bin', undefined], ['/tra ', undefined], ['', undefined]])(
    'begins with a / at the start of a line: %j',
    (text, word) => {
      expect(slashWord(text)).toBe(word)
    },
  )

  it('begins its form with the defaults of choices, numbers and dates', () => {
    expect(firstValues([{ name: 'a', default: 'x' }, { name: 'b', type: 'choice', choices: ['x'], default: 'x' }, { name: 'c', type: 'date' }])).toEqual({ a: '', b: 'x', c: '' })
  })
})
