// Tells when an element comes near the visible part of what scrolls.
import { onScopeDispose, watch, type Ref } from 'vue'

export function useInView(element: Readonly<Ref<HTMLElement | null>>, onVisible: () => void): void {
  const observer = new IntersectionObserver(
    (entries) => {
      if (entries.some((entry) => entry.isIntersecting)) onVisible()
    },
    { rootMargin: '240px' },
  )
  watch(element, (now, before) => {
    if (before) observer.unobserve(before)
    if (now) observer.observe(now)
  }, { flush: 'post', immediate: true })
  onScopeDispose(() => observer.disconnect())
}
