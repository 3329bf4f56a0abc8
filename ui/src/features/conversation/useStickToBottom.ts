// Keeps a growing conversation at its end while the reader is there, and leaves it alone once they scroll up.
import { onScopeDispose, ref, watch, type Ref } from 'vue'

const nearPixels = 64

export function useStickToBottom(box: Readonly<Ref<HTMLElement | null>>, content: Readonly<Ref<HTMLElement | null>>) {
  const stuck = ref(true)
  let lastTop = 0

  function toBottom(): void {
    const element = box.value
    if (!element) return
    stuck.value = true
    element.scrollTop = element.scrollHeight
    lastTop = element.scrollTop
  }

  function onScroll(): void {
    const element = box.value
    if (!element) return
    const left = element.scrollHeight - element.clientHeight - element.scrollTop
    // Only a move up by the reader lets go; content that grows below does not.
    if (left <= nearPixels) stuck.value = true
    else if (element.scrollTop < lastTop - 1) stuck.value = false
    lastTop = element.scrollTop
  }

  const observer = new ResizeObserver(() => {
    if (stuck.value) toBottom()
  })
  watch([box, content], ([scrolling, growing], [scrolledBefore]) => {
    observer.disconnect()
    scrolledBefore?.removeEventListener('scroll', onScroll)
    scrolling?.addEventListener('scroll', onScroll, { passive: true })
    if (scrolling) observer.observe(scrolling)
    if (growing) observer.observe(growing)
  }, { flush: 'post', immediate: true })
  onScopeDispose(() => observer.disconnect())

  /** Runs what adds content above, and keeps what is seen in its place. */
  async function keepPlace(add: () => Promise<void>): Promise<void> {
    const element = box.value
    const fromEnd = element ? element.scrollHeight - element.scrollTop : 0
    await add()
    if (element && !stuck.value) element.scrollTop = element.scrollHeight - fromEnd
  }

  return { stuck, toBottom, keepPlace }
}
