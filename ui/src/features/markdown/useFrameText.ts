// Text that changes often, seen at most once per animation frame.
import { onScopeDispose, ref, watch, type Ref } from 'vue'

/** Follows `source`; while `live` holds, only once per frame. */
export function useFrameText(source: () => string, live: () => boolean): Readonly<Ref<string>> {
  const shown = ref(source())
  let frame = 0
  watch([source, live], ([text, running]) => {
    if (!running) {
      cancelAnimationFrame(frame)
      frame = 0
      shown.value = text
    } else if (frame === 0) {
      frame = requestAnimationFrame(() => {
        frame = 0
        shown.value = source()
      })
    }
  })
  onScopeDispose(() => cancelAnimationFrame(frame))
  return shown
}
