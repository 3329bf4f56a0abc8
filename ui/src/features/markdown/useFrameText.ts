// Text that changes often, seen at most once per animation frame, and less often when showing it is slow.
import { onScopeDispose, ref, watch, type Ref } from 'vue'

/** Of the time that a live text takes, at most a seventh goes into showing it: the rest is the reader's, and the list's that follows it. */
const restPerWork = 6

/** Follows `source`; while `live` holds, once per frame, and with a rest after it as long as showing it took, six times. */
export function useFrameText(source: () => string, live: () => boolean): Readonly<Ref<string>> {
  const shown = ref(source())
  let frame = 0
  let timer: ReturnType<typeof setTimeout> | undefined
  let restUntil = 0

  function show(): void {
    frame = 0
    const begun = performance.now()
    shown.value = source()
    // Runs after this frame's layout and paint, which cost more than the script.
    setTimeout(() => {
      const now = performance.now()
      restUntil = now + (now - begun) * restPerWork
    })
  }

  function cancel(): void {
    cancelAnimationFrame(frame)
    clearTimeout(timer)
    frame = 0
    timer = undefined
  }

  watch([source, live], ([text, running]) => {
    if (!running) {
      cancel()
      shown.value = text
    } else if (frame === 0 && timer === undefined) {
      const rest = restUntil - performance.now()
      if (rest <= 0) frame = requestAnimationFrame(show)
      else {
        timer = setTimeout(() => {
          timer = undefined
          frame = requestAnimationFrame(show)
        }, rest)
      }
    }
  })
  onScopeDispose(cancel)
  return shown
}
