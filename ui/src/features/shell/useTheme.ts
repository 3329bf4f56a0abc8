// Light or dark as it is seen, and what the theme button changes to.
import { computed } from 'vue'
import { change, settings, type Settings } from '@/features/settings/settings'
import { useMedia } from '@/lib/usePage'

export type Theme = Settings['theme']

export function useTheme() {
  const systemDark = useMedia('(prefers-color-scheme: dark)')
  return {
    theme: computed(() => settings.theme),
    dark: computed(() => (settings.theme === 'system' ? systemDark.value : settings.theme === 'dark')),
    choose: (theme: Theme) => change({ theme }),
    /** System → the opposite of what is seen → the other → system. */
    next: computed<Theme>(() => {
      const opposite: Theme = systemDark.value ? 'light' : 'dark'
      if (settings.theme === 'system') return opposite
      return settings.theme === opposite ? (systemDark.value ? 'dark' : 'light') : 'system'
    }),
  }
}
