// Light or dark: the system's preference until the user chooses; the choice is remembered. See also public/theme.js.
import { computed, readonly, ref } from 'vue'
import { useMedia } from '@/lib/usePage'
import { store, stored } from '@/lib/storage'

export type Theme = 'system' | 'light' | 'dark'
const isTheme = (value: unknown): value is Theme => value === 'system' || value === 'light' || value === 'dark'
const theme = ref<Theme>(stored('theme', isTheme) ?? 'system')

export function useTheme() {
  const systemDark = useMedia('(prefers-color-scheme: dark)')

  function choose(next: Theme): void {
    theme.value = next
    store('theme', next === 'system' ? undefined : next)
    if (next === 'system') delete document.documentElement.dataset.theme
    else document.documentElement.dataset.theme = next
  }

  return {
    theme: readonly(theme),
    dark: computed(() => (theme.value === 'system' ? systemDark.value : theme.value === 'dark')),
    choose,
    /** System → the opposite of what is seen → the other → system. */
    next: computed<Theme>(() => {
      const opposite: Theme = systemDark.value ? 'light' : 'dark'
      if (theme.value === 'system') return opposite
      return theme.value === opposite ? (systemDark.value ? 'dark' : 'light') : 'system'
    }),
  }
}
