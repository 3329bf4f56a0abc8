// Durations in words and as a countdown.

/** A duration a person can plan with: "a few seconds", "about 40 s", "about 3 min", "about 2 h". */
export function aboutDuration(millis: number): string {
  const seconds = Math.ceil(millis / 1000)
  if (seconds <= 5) return 'a few seconds'
  if (seconds < 90) return `about ${seconds < 20 ? seconds : Math.round(seconds / 5) * 5} s`
  const minutes = Math.round(seconds / 60)
  if (minutes < 90) return `about ${minutes} min`
  const hours = Math.round(minutes / 60)
  return hours < 36 ? `about ${hours} h` : `about ${Math.round(hours / 24)} days`
}

/** `0:42`, `12:05`, `1:02:03`; never negative. */
export function countdown(millis: number): string {
  const total = Math.max(0, Math.ceil(millis / 1000))
  const hours = Math.floor(total / 3600)
  const minutes = Math.floor((total % 3600) / 60)
  const seconds = String(total % 60).padStart(2, '0')
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${seconds}` : `${minutes}:${seconds}`
}
