// What parts of the page ask of its frame, and of each other through it.
import { inject, provide, ref, shallowRef, type InjectionKey, type Ref, type ShallowRef } from 'vue'
import type { NewMessage } from '@/api/types'

/** The composer as others see it. */
export interface ComposerPort {
  /** Puts text into what is being written, without losing any of it. */
  insert: (text: string) => void
  /** Sends something else than what is being written; false when it could not even be tried. */
  send: (body: NewMessage, content: string) => Promise<boolean>
}

export interface Shell {
  openDrawer: () => void
  promptsOpen: Ref<boolean>
  settingsOpen: Ref<boolean>
  composer: ShallowRef<ComposerPort | undefined>
  focusComposer: ShallowRef<(() => void) | undefined>
}

const key: InjectionKey<Shell> = Symbol('shell')

export function provideShell({ openDrawer }: Pick<Shell, 'openDrawer'>): Shell {
  const shell: Shell = { openDrawer, promptsOpen: ref(false), settingsOpen: ref(false), composer: shallowRef(), focusComposer: shallowRef() }
  provide(key, shell)
  return shell
}

export function useShell(): Shell {
  const shell = inject(key)
  if (!shell) throw new Error('useShell needs the App around it')
  return shell
}
