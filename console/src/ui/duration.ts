import { useI18n } from 'vue-i18n'

type Unit = 'millisecond' | 'second' | 'minute' | 'hour' | 'day'

const cache = new Map<string, Intl.NumberFormat>()

function part(value: number, unit: Unit, locale: string, digits = 0): string {
  const key = `${locale} ${unit} ${digits}`
  let format = cache.get(key)
  if (!format) {
    format = new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: unit === 'millisecond' && locale.startsWith('zh') ? 'short' : 'narrow', maximumFractionDigits: digits })
    cache.set(key, format)
  }
  return format.format(value)
}

/** `340ms`, `12.4s`, `3m 20s`, `2h 5m`, `4d 3h`: two units at most, as much as the eye compares. */
export function formatDuration(ms: number | null | undefined, locale: string): string {
  if (ms === null || ms === undefined || Number.isNaN(ms)) return ''
  const whole = Math.max(0, ms)
  if (whole < 1000) return part(Math.round(whole), 'millisecond', locale)
  if (whole < 59_950) return part(whole / 1000, 'second', locale, whole < 10_000 ? 1 : 0)
  const seconds = Math.round(whole / 1000)
  const steps: [Unit, number, Unit, number][] = [['day', 86_400, 'hour', 3600], ['hour', 3600, 'minute', 60], ['minute', 60, 'second', 1]]
  const [big, size, small, rest] = steps.find(([, s]) => seconds >= s) ?? ['minute', 60, 'second', 1]
  const left = Math.floor((seconds % size) / rest)
  const gap = locale.startsWith('zh') ? '' : ' '
  return part(Math.floor(seconds / size), big, locale) + (left > 0 ? gap + part(left, small, locale) : '')
}

const SIZES = ['byte', 'kilobyte', 'megabyte', 'gigabyte'] as const

export function formatBytes(bytes: number, locale: string): string {
  const step = Math.min(SIZES.length - 1, bytes > 0 ? Math.floor(Math.log(bytes) / Math.log(1000)) : 0)
  return new Intl.NumberFormat(locale, { style: 'unit', unit: SIZES[step], unitDisplay: step === 0 ? 'long' : 'short', maximumFractionDigits: step === 0 ? 0 : 1 }).format(bytes / 1000 ** step)
}

/** From one moment to another, or to now while the other has not come. */
export function between(from: string | null | undefined, to: string | null | undefined, now: number): number | null {
  if (!from) return null
  return Math.max(0, (to ? Date.parse(to) : now) - Date.parse(from))
}

export function useDuration() {
  const { locale } = useI18n()
  return {
    duration: (ms: number | null | undefined) => formatDuration(ms, locale.value),
    bytes: (count: number) => formatBytes(count, locale.value),
  }
}
