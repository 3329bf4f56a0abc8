import { describe, expect, it } from 'vitest'
import { declare, fill, labelOf, missing, namesIn } from '@/features/prompts/template'

const text = 'Put {{text}} into {{target_language}}: {{text}} {{ no }} {{1no}} {{}}'
const variables = [{ name: 'text' }, { name: 'target_language', default: 'English' }]

describe('a template', () => {
  it('names each variable once, in order', () => {
    expect(namesIn(text)).toEqual(['text', 'target_language'])
  })

  it('declares exactly what it uses and keeps what was declared', () => {
    expect(declare(text, [{ name: 'gone' }, { name: 'target_language', default: 'English', label: 'Into' }])).toEqual([
      { name: 'text' },
      { name: 'target_language', default: 'English', label: 'Into' },
    ])
  })

  it('is filled with values, then defaults; the rest stays', () => {
    expect(fill('{{text}} {{target_language}}', variables, { text: 'Hi' })).toBe('Hi English')
    expect(fill('{{text}} {{target_language}}', variables, { text: '', target_language: 'Thai' })).toBe('{{text}} Thai')
    expect(fill('{{constructor}}', [], {})).toBe('{{constructor}}')
  })

  it('takes values as they are: neither as templates nor as replacement patterns', () => {
    expect(fill('{{text}} {{target_language}}', variables, { text: '{{target_language}} $& $1' })).toBe('{{target_language}} $& $1 English')
  })

  it('misses only what has no default', () => {
    expect(missing(variables, {})).toEqual(['text'])
    expect(missing(variables, { text: 'x' })).toEqual([])
  })

  it('asks by label, or by the name made readable', () => {
    expect(labelOf({ name: 'target_language' })).toBe('Target language')
    expect(labelOf({ name: 'x', label: 'The text' })).toBe('The text')
  })
})
