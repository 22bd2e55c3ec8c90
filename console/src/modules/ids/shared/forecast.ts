import type { IdKey } from '../types'

export type Unit = 'minute' | 'hour' | 'day' | 'month' | 'year'
export type Forecast = { kind: 'full' | 'unknown' | 'still' | 'never' | 'retired' } | { kind: 'in'; n: number; unit: Unit; soon: boolean }

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const MONTH = 30.44 * DAY
const YEAR = 365.25 * DAY
/** The largest unit of which there are at least two, because "1 year" for 23 months would be a lie. */
const UNITS: [Unit, number, number][] = [['year', YEAR, 2 * YEAR], ['month', MONTH, 4 * MONTH], ['day', DAY, 2 * DAY], ['hour', HOUR, 2 * HOUR], ['minute', MINUTE, 0]]

/** When a key will have given away its last id, if it goes on as lately. */
export function forecastOf(key: Pick<IdKey, 'state' | 'remaining' | 'per_day' | 'full_at' | 'low'>, now: number): Forecast {
  if (key.state === 'retired') return { kind: 'retired' }
  if (key.state === 'exhausted' || key.remaining === '0') return { kind: 'full' }
  if (key.full_at) {
    const left = Math.max(0, Date.parse(key.full_at) - now)
    const [unit, size] = UNITS.find(([, , least]) => left >= least) ?? ['minute', MINUTE]
    return { kind: 'in', n: Math.max(1, Math.floor(left / size)), unit, soon: key.low || left < 30 * DAY }
  }
  if (key.per_day === null) return { kind: 'unknown' }
  return { kind: key.per_day === '0' ? 'still' : 'never' }
}

export function timeWords(n: number, unit: Unit, locale: string): string {
  return new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'long' }).format(n)
}

export interface Point { at: number; share: number }
export interface Projection {
  from: number
  to: number
  points: Point[]
  /** The moment the line meets the limit, when that lies within the picture. */
  full: number | null
}

/** The straight line from now on: to a little beyond the end, or over a year when there is none near. */
export function projection(used: number, fullAt: string | null, perDayShare: number, now: number): Projection | null {
  const at = fullAt ? Date.parse(fullAt) : null
  if (at === null && perDayShare <= 0) return null
  const near = at !== null && at - now < 30 * YEAR
  const to = near && at !== null ? now + Math.max(HOUR, (at - now) * 1.12) : now + YEAR
  if (near && at !== null) return { from: now, to, full: at, points: [{ at: now, share: used }, { at, share: 1 }, { at: to, share: 1 }] }
  return { from: now, to, full: null, points: [{ at: now, share: used }, { at: to, share: Math.min(1, used + perDayShare * (YEAR / DAY)) }] }
}
