// Facts about the page that many parts ask for: is it visible, is the browser online, is it a small screen.
import { onScopeDispose, ref, type Ref } from 'vue'

export function useListener(target: EventTarget, name: string, listener: (event: Event) => void): void {
  target.addEventListener(name, listener)
  onScopeDispose(() => target.removeEventListener(name, listener))
}

export function useOnline(): Ref<boolean> {
  const online = ref(navigator.onLine)
  useListener(window, 'online', () => (online.value = true))
  useListener(window, 'offline', () => (online.value = false))
  return online
}

export function useVisible(): Ref<boolean> {
  const visible = ref(document.visibilityState === 'visible')
  useListener(document, 'visibilitychange', () => (visible.value = document.visibilityState === 'visible'))
  return visible
}

export function useMedia(query: string): Ref<boolean> {
  const list = matchMedia(query)
  const matches = ref(list.matches)
  useListener(list, 'change', () => (matches.value = list.matches))
  return matches
}

/** Whether fingers are the way to point: what is typed comes from a keyboard on the screen, which covers half of it. */
export const isTouch = (): boolean => matchMedia('(pointer: coarse)').matches
