import { describe, expect, it } from 'vitest'
import { keysOf, shortcutOf, shortcuts } from '@/features/palette/shortcuts'

const keys = (code: string, held: Partial<Record<'ctrlKey' | 'metaKey' | 'shiftKey' | 'altKey', boolean>> = {}) => ({
  code, ctrlKey: false, metaKey: false, shiftKey: false, altKey: false, ...held,
})

describe('the shortcuts', () => {
  it('are found by their keys, with Ctrl or on a Mac ⌘', () => {
    expect(shortcutOf(keys('KeyK', { ctrlKey: true }), false, false)).toBe('palette')
    expect(shortcutOf(keys('KeyK', { metaKey: true }), false, true)).toBe('palette')
    expect(shortcutOf(keys('KeyK', { metaKey: true }), false, false)).toBeUndefined()
    expect(shortcutOf(keys('KeyK'), false, false)).toBeUndefined()
    expect(shortcutOf(keys('KeyK', { ctrlKey: true, shiftKey: true }), false, false)).toBeUndefined()
  })

  it('leave the characters of somebody who writes alone', () => {
    expect(shortcutOf(keys('Slash'), false, false)).toBe('focus')
    expect(shortcutOf(keys('Slash'), true, false)).toBeUndefined()
    expect(shortcutOf(keys('Slash', { ctrlKey: true }), true, false)).toBe('help')
  })

  it('differ from one another', () => {
    const all = shortcuts.map((shortcut) => keysOf(shortcut, false).join('+'))
    expect(new Set(all).size).toBe(all.length)
    expect(all).toContain('Ctrl+Shift+O')
  })
})
