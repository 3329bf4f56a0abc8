import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { effectScope, nextTick, ref, type EffectScope } from 'vue'
import { useFrameText } from '@/features/markdown/useFrameText'

let scope: EffectScope
beforeEach(() => {
  vi.useFakeTimers()
  scope = effectScope()
})
afterEach(() => {
  scope.stop()
  vi.useRealTimers()
})

function follow(workMillis: number) {
  const source = ref('')
  const live = ref(true)
  let shows = 0
  const shown = scope.run(() => useFrameText(() => source.value, () => live.value))
  // Showing takes its time: the clock goes on within the frame.
  let worked = 0
  const now = performance.now.bind(performance)
  vi.spyOn(performance, 'now').mockImplementation(() => now() + worked)
  const real = requestAnimationFrame
  vi.stubGlobal('requestAnimationFrame', (callback: FrameRequestCallback) =>
    real((time) => {
      callback(time)
      shows += 1
      worked += workMillis
    }),
  )
  return { source, live, shown: () => shown?.value, shows: () => shows }
}

afterEach(() => vi.unstubAllGlobals())

describe('a text that grows', () => {
  it('is shown at most once per frame, and at once when it has ended', async () => {
    const { source, live, shown, shows } = follow(0)
    for (const piece of ['a', 'ab', 'abc']) {
      source.value = piece
      await nextTick()
    }
    expect(shown()).toBe('')
    await vi.advanceTimersByTimeAsync(20)
    expect(shown()).toBe('abc')
    expect(shows()).toBe(1)
    source.value = 'abcd'
    live.value = false
    await nextTick()
    expect(shown()).toBe('abcd')
  })

  it('is shown more seldom when showing it takes long', async () => {
    const { source, shows } = follow(50)
    for (let i = 0; i < 100; i += 1) {
      source.value += 'x'
      await nextTick()
      await vi.advanceTimersByTimeAsync(20)
    }
    // After each 50 ms of work 300 ms of rest, over 2 s.
    expect(shows()).toBeLessThanOrEqual(9)
    expect(shows()).toBeGreaterThanOrEqual(4)
  })
})
