// Which key sends what is being written.
import { isTouch } from '@/lib/usePage'
import { settings } from './settings'

/** Whether Enter alone sends. The keyboard of a touch screen has no Shift + Enter: there it is the only way to a new line. */
export const enterSends = (): boolean => settings.sendKey === 'enter' && !isTouch()

export function sends(event: KeyboardEvent): boolean {
  return event.key === 'Enter' && !event.shiftKey && (event.ctrlKey || event.metaKey || enterSends())
}
