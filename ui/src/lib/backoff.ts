/**
 * How long to wait before the attempt after `failures` failures (≥ 1): doubling from `base` to at most `max`
 * milliseconds, of which the upper half is random, so that many pages do not come back in step.
 */
export function backoffMillis(failures: number, base: number, max: number, random: () => number): number {
  const ceiling = Math.min(max, base * 2 ** Math.min(30, Math.max(0, failures - 1)))
  return Math.round(ceiling / 2 + (ceiling / 2) * random())
}
