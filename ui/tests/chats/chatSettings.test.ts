import { describe, expect, it } from 'vitest'
import { toForm, toSettings } from '@/features/chats/chatSettings'

describe('the settings of a chat', () => {
  it('come out of the form as they went in', () => {
    for (const settings of [{}, { model: 'a', temperature: 0, systemInstruction: 'Be brief.', maxOutputTokens: 100 }]) {
      expect(JSON.parse(JSON.stringify(toSettings(toForm(settings))))).toEqual(settings)
    }
  })

  it('leave out what is blank', () => {
    expect(JSON.stringify(toSettings({ model: '', temperature: '', systemInstruction: '  ', maxOutputTokens: '' }))).toBe('{}')
  })
})
