// Durations in words and as a countdown.
import { t } from '@/i18n'

/** A duration a person can plan with: "a few seconds", "about 40 s", "about 3 min", "about 2 h". */
export function aboutDuration(millis: number): string {
  const seconds = Math.ceil(millis / 1000)
  if (seconds <= 5) return t('duration.fewSeconds')
  if (seconds < 90) return t('duration.seconds', { n: seconds < 20 ? seconds : Math.round(seconds / 5) * 5 })
  const minutes = Math.round(seconds / 60)
  if (minutes < 90) return t('duration.minutes', { n: minutes })
  const hours = Math.round(minutes / 60)
  return hours < 36 ? t('duration.hours', { n: hours }) : t('duration.days', {}, Math.round(hours / 24))
}

/** `0:42`, `12:05`, `1:02:03`; never negative. */
export function countdown(millis: number): string {
  const total = Math.max(0, Math.ceil(millis / 1000))
  const hours = Math.floor(total / 3600)
  const minutes = Math.floor((total % 3600) / 60)
  const seconds = String(total % 60).padStart(2, '0')
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${seconds}` : `${minutes}:${seconds}`
}
