import { afterEach, describe, expect, it, vi } from 'vitest'
import { backoffMillis } from '@/lib/backoff'
import { createClock } from '@/lib/clock'
import { aboutDuration, countdown } from '@/lib/durations'
import { randomId } from '@/lib/ids'
import { isString, store, stored } from '@/lib/storage'

afterEach(() => {
  vi.unstubAllGlobals()
  localStorage.clear()
})

describe('a backoff', () => {
  it('doubles up to its bound, with its upper half random', () => {
    const longest = [1, 2, 3, 4, 5].map((failures) => backoffMillis(failures, 500, 4_000, () => 1))
    expect(longest).toEqual([500, 1_000, 2_000, 4_000, 4_000])
    expect(backoffMillis(3, 500, 4_000, () => 0)).toBe(1_000)
    expect(backoffMillis(10_000, 500, 4_000, () => 1)).toBe(4_000)
    expect(backoffMillis(0, 500, 4_000, () => 1)).toBe(500)
  })
})

describe('an id', () => {
  const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

  it('is a UUID without a secure context too, and never the same', () => {
    const insecure = { getRandomValues: crypto.getRandomValues.bind(crypto) }
    const ids = Array.from({ length: 200 }, () => randomId(insecure))
    ids.forEach((id) => expect(id).toMatch(uuid))
    expect(new Set(ids).size).toBe(200)
    expect(randomId()).toMatch(uuid)
  })
})

describe('a duration', () => {
  it.each([
    [0, 'a few seconds'],
    [5_000, 'a few seconds'],
    [12_000, 'about 12 s'],
    [42_000, 'about 40 s'],
    [180_000, 'about 3 min'],
    [7_200_000, 'about 2 h'],
    [3 * 86_400_000, 'about 3 days'],
  ])('of %i ms is "%s"', (millis, words) => {
    expect(aboutDuration(millis)).toBe(words)
  })

  it.each([
    [-5_000, '0:00'],
    [1, '0:01'],
    [42_000, '0:42'],
    [725_000, '12:05'],
    [3_723_000, '1:02:03'],
    [86_400_000, '24:00:00'],
  ])('of %i ms counts down as %s', (millis, shown) => {
    expect(countdown(millis)).toBe(shown)
  })
})

describe('the clock', () => {
  it('follows the server\'s when this machine\'s is off, and leaves small differences', () => {
    const clock = createClock(() => Date.parse('2026-01-01T00:00:00Z'))
    clock.learn('Thu, 01 Jan 2026 00:10:00 GMT')
    expect(clock.now()).toBe(Date.parse('2026-01-01T00:10:00.500Z'))
    clock.learn('nonsense')
    clock.learn(null)
    expect(clock.now()).toBe(Date.parse('2026-01-01T00:10:00.500Z'))
    clock.learn('Thu, 01 Jan 2026 00:00:01 GMT')
    expect(clock.now()).toBe(Date.parse('2026-01-01T00:00:00Z'))
  })
})

describe('the storage', () => {
  it('never throws: full, off, or with something else in it', () => {
    expect(store('x', 'kept')).toBe(true)
    expect(stored('x', isString)).toBe('kept')
    localStorage.setItem('parley.x', '{')
    expect(stored('x', isString)).toBeUndefined()
    vi.stubGlobal('localStorage', undefined)
    expect(store('x', 'y')).toBe(false)
    expect(stored('x', isString)).toBeUndefined()
  })
})
