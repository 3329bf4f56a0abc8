import { flushPromises, mount } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { language, setLanguage } from '@/i18n'
import { change, followSettings, newChatSettings, settings, settingsFrom } from '@/features/settings/settings'
import SettingsDialog from '@/features/settings/SettingsDialog.vue'

const usual = { theme: 'system', language: undefined, density: 'comfortable', textSize: 'normal', sendKey: 'enter', instruction: '' } as const

beforeEach(async () => {
  setActivePinia(createPinia())
  localStorage.clear()
  vi.stubGlobal('matchMedia', () => ({ matches: false }))
  await followSettings()
})
afterEach(async () => {
  change(usual)
  await flushPromises()
  await setLanguage('en')
})

describe('the settings', () => {
  it('take from the browser only what they understand', () => {
    expect(settingsFrom({ theme: 'dark', density: 'tiny', language: 'xx', sendKey: 5 })).toEqual({ ...usual, theme: 'dark' })
    expect(settingsFrom('nonsense')).toEqual(usual)
  })

  it('are shown at once and kept', async () => {
    change({ theme: 'dark', textSize: 'large', density: 'compact' })
    await flushPromises()
    expect(document.documentElement.dataset).toMatchObject({ theme: 'dark', text: 'large', density: 'compact' })
    expect(settingsFrom(JSON.parse(localStorage.getItem('parley.settings') ?? ''))).toMatchObject({ theme: 'dark', textSize: 'large' })
    change({ theme: 'system' })
    await flushPromises()
    expect(document.documentElement.dataset.theme).toBeUndefined()
  })

  it('give new chats their system instruction, and none when there is none', () => {
    expect(newChatSettings()).toBeUndefined()
    change({ instruction: ' Be brief. ' })
    expect(newChatSettings()).toEqual({ systemInstruction: 'Be brief.' })
    expect(settingsFrom({ instruction: 5 }).instruction).toBe('')
  })

  it('follow another tab', async () => {
    localStorage.setItem('parley.settings', JSON.stringify({ ...usual, theme: 'light', language: 'ru' }))
    dispatchEvent(new StorageEvent('storage', { key: 'parley.settings' }))
    await vi.waitFor(() => expect(language.value).toBe('ru'))
    expect(settings.theme).toBe('light')
    expect(document.documentElement.lang).toBe('ru')
  })

  it('are changed in their dialog, whose own texts follow', async () => {
    const dialog = mount(SettingsDialog, { attachTo: document.body })
    await dialog.get('[data-testid=language]').setValue('ru')
    await vi.waitFor(() => expect(dialog.text()).toContain('Размер текста'))
    await dialog.get('input[value=mod-enter]').setValue(true)
    expect(settings.sendKey).toBe('mod-enter')
    dialog.unmount()
  })
})
