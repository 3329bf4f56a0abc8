// The settings of a chat as a form shows them: what is absent is an empty field.
import type { GenerationSettings } from '@/api/types'

export interface SettingsForm {
  model: string
  temperature: string | number
  systemInstruction: string
  maxOutputTokens: string | number
}

export function toForm(settings: GenerationSettings): SettingsForm {
  return {
    model: settings.model ?? '',
    temperature: settings.temperature ?? '',
    systemInstruction: settings.systemInstruction ?? '',
    maxOutputTokens: settings.maxOutputTokens ?? '',
  }
}

export function toSettings(form: SettingsForm): GenerationSettings {
  const number = (value: string | number) => (value === '' ? undefined : Number(value))
  const instruction = form.systemInstruction.trim()
  return {
    model: form.model === '' ? undefined : form.model,
    temperature: number(form.temperature),
    systemInstruction: instruction === '' ? undefined : instruction,
    maxOutputTokens: number(form.maxOutputTokens),
  }
}
