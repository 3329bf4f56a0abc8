// What parts of the page ask of its frame, and of each other through it.
import { inject, provide, ref, shallowRef, type InjectionKey, type Ref, type ShallowRef } from 'vue'
import type { NewMessage, Prompt } from '@/api/types'

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
  /** The template that the dialog is to fill in. */
  templateUse: ShallowRef<Prompt | undefined>
  useTemplate: (prompt: Prompt) => void
  settingsOpen: Ref<boolean>
  paletteOpen: Ref<boolean>
  helpOpen: Ref<boolean>
  /** The last answer of the open conversation, as Markdown. */
  lastAnswer: ShallowRef<(() => string | undefined) | undefined>
  composer: ShallowRef<ComposerPort | undefined>
  focusComposer: ShallowRef<(() => void) | undefined>
}

const key: InjectionKey<Shell> = Symbol('shell')

export function provideShell({ openDrawer }: Pick<Shell, 'openDrawer'>): Shell {
  const promptsOpen = ref(false)
  const templateText = ref<string>()
  const templateUse = shallowRef<Prompt>()
  const shell: Shell = {
    openDrawer,
    promptsOpen,
    templateText,
    makeTemplate(text) {
      templateText.value = text
      promptsOpen.value = true
    },
    templateUse,
    useTemplate(prompt) {
      templateUse.value = prompt
      promptsOpen.value = true
    },
    settingsOpen: ref(false),
    paletteOpen: ref(false),
    helpOpen: ref(false),
    lastAnswer: shallowRef(),
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
