// The keys that work everywhere on the page.
import type { TextKey } from '@/i18n'

export type ShortcutName = 'palette' | 'newChat' | 'help' | 'settings' | 'focus' | 'previous' | 'next' | 'copyLast'

export interface Shortcut {
  name: ShortcutName
  text: TextKey
  /** Ctrl, or ⌘ on a Mac. */
  mod?: boolean
  shift?: boolean
  alt?: boolean
  /** As in KeyboardEvent.code, so that it works on every keyboard layout. */
  code: string
  /** What stands on the key. */
  label: string
  /** Only while nobody is writing: a key that is also a character. */
  idle?: boolean
}

export const shortcuts: readonly Shortcut[] = [
  { name: 'palette', text: 'shortcuts.palette', mod: true, code: 'KeyK', label: 'K' },
  { name: 'newChat', text: 'shortcuts.newChat', mod: true, shift: true, code: 'KeyO', label: 'O' },
  { name: 'copyLast', text: 'shortcuts.copyLast', mod: true, shift: true, code: 'Semicolon', label: ';' },
  { name: 'settings', text: 'shortcuts.settings', mod: true, code: 'Comma', label: ',' },
  { name: 'help', text: 'shortcuts.help', mod: true, code: 'Slash', label: '/' },
  { name: 'previous', text: 'shortcuts.previous', alt: true, code: 'ArrowUp', label: '↑' },
  { name: 'next', text: 'shortcuts.next', alt: true, code: 'ArrowDown', label: '↓' },
  { name: 'focus', text: 'shortcuts.focus', code: 'Slash', label: '/', idle: true },
]

export const isMac = /Mac|iP/.test(navigator.platform)

type Keys = Pick<KeyboardEvent, 'code' | 'ctrlKey' | 'metaKey' | 'shiftKey' | 'altKey'>

/** The shortcut that these keys are; `writing` tells whether they go into a field. */
export function shortcutOf(event: Keys, writing: boolean, mac = isMac): ShortcutName | undefined {
  const mod = mac ? event.metaKey && !event.ctrlKey : event.ctrlKey && !event.metaKey
  const none = !event.metaKey && !event.ctrlKey
  return shortcuts.find(
    (shortcut) =>
      shortcut.code === event.code &&
      (shortcut.mod ? mod : none) &&
      (shortcut.shift ?? false) === event.shiftKey &&
      (shortcut.alt ?? false) === event.altKey &&
      !(shortcut.idle && writing),
  )?.name
}

/** The keys as they are written on them. */
export function keysOf({ mod, shift, alt, label }: Shortcut, mac = isMac): string[] {
  return [mod && (mac ? '⌘' : 'Ctrl'), shift && (mac ? '⇧' : 'Shift'), alt && (mac ? '⌥' : 'Alt'), label].filter((key) => typeof key === 'string')
}

/** Whether keys pressed there are text. */
export function isWriting(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName))
}
