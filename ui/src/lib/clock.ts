// The server's clock as seen from here: countdowns must hold on a machine whose own clock is off.

/** HTTP dates are cut to the second, so a smaller difference means nothing. */
const toleranceMillis = 2_000

export function createClock(now: () => number) {
  let offset = 0
  return {
    /** Takes a response's Date header. */
    learn(date: string | null): void {
      const theirs = date === null ? Number.NaN : Date.parse(date)
      if (Number.isNaN(theirs)) return
      const difference = theirs + 500 - now()
      offset = Math.abs(difference) > toleranceMillis ? difference : 0
    },
    /** The server's time in milliseconds since 1970. */
    now: (): number => now() + offset,
  }
}

export const clock = createClock(() => Date.now())
