// What parts of the page ask of its frame, and of each other through it.
import { inject, provide, ref, shallowRef, type InjectionKey, type Ref, type ShallowRef } from 'vue'
import type { NewMessage } from '@/api/types'

/** The composer as others see it. */
export interface ComposerPort {
  /** Puts text into what is being written, without losing any of it. */
  insert: (text: string) => void
  /** Sends something else than what is being written. */
  send: (body: NewMessage, content: string) => Promise<void>
}

export interface Shell {
  openDrawer: () => void
  promptsOpen: Ref<boolean>
  /** The text of which the template dialog is to make a new template. */
  templateText: Ref<string | undefined>
  makeTemplate: (text: string) => void
  settingsOpen: Ref<boolean>
  searchOpen: Ref<boolean>
  composer: ShallowRef<ComposerPort | undefined>
  focusComposer: ShallowRef<(() => void) | undefined>
}

const key: InjectionKey<Shell> = Symbol('shell')

export function provideShell({ openDrawer }: Pick<Shell, 'openDrawer'>): Shell {
  const promptsOpen = ref(false)
  const templateText = ref<string>()
  const shell: Shell = {
    openDrawer,
    promptsOpen,
    templateText,
    makeTemplate(text) {
      templateText.value = text
      promptsOpen.value = true
    },
    settingsOpen: ref(false),
    searchOpen: ref(false),
    composer: shallowRef(),
    focusComposer: shallowRef(),
  }
  provide(key, shell)
  return shell
}

export function useShell(): Shell {
  const shell = inject(key)
  if (!shell) throw new Error('useShell needs the App around it')
  return shell
}
