/** The common cases of a cron expression, as a person would put them. Everything else is written by hand. */
export type Built =
  | { mode: 'seconds'; every: number }
  | { mode: 'minutes'; every: number }
  | { mode: 'hourly'; every: number; minute: number }
  | { mode: 'daily'; hour: number; minute: number }
  | { mode: 'weekly'; days: number[]; hour: number; minute: number }
  | { mode: 'monthly'; day: number | 'last'; hour: number; minute: number }

export type Mode = Built['mode'] | 'custom'
export const MODES: Mode[] = ['seconds', 'minutes', 'hourly', 'daily', 'weekly', 'monthly', 'custom']

/** Divisors, so that the pauses are even: `*\/7` would start anew at each full hour. */
export const EVERY = {
  seconds: [1, 2, 5, 10, 15, 20, 30],
  minutes: [1, 2, 5, 10, 15, 20, 30],
  hourly: [1, 2, 3, 4, 6, 8, 12],
} as const

/** Days of the week as Vixie cron counts them: Sunday is 0. */
const NAMES = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT']

/** Five fields wherever they can say it; Quartz where seconds or the last day of a month are meant. */
export function build(built: Built): string {
  switch (built.mode) {
    case 'seconds':
      return `${step(built.every)} * * * * ?`
    case 'minutes':
      return `${step(built.every)} * * * *`
    case 'hourly':
      return `${built.minute} ${step(built.every)} * * *`
    case 'daily':
      return `${built.minute} ${built.hour} * * *`
    case 'weekly':
      return `${built.minute} ${built.hour} * * ${ranges(built.days)}`
    case 'monthly':
      return built.day === 'last' ? `0 ${built.minute} ${built.hour} L * ?` : `${built.minute} ${built.hour} ${built.day} * *`
  }
}

function step(every: number): string {
  return every === 1 ? '*' : `*/${every}`
}

/** `1-5` for three and more in a row, single days otherwise; Monday first, Sunday as 0. */
function ranges(days: number[]): string {
  const order = [...new Set(days)].sort((a, b) => (a || 7) - (b || 7))
  const parts: string[] = []
  for (let i = 0; i < order.length; ) {
    let end = i
    while (end + 1 < order.length && (order[end + 1] || 7) === (order[end] || 7) + 1) end += 1
    const [first, last] = [order[i] ?? 0, order[end] ?? 0]
    // A range that ends on Sunday needs the 7.
    if (end - i >= 2) parts.push(`${first}-${last || 7}`)
    else parts.push(...order.slice(i, end + 1).map(String))
    i = end + 1
  }
  return parts.join(',')
}

/** The case an expression is of, or null when it is none of them. The inverse of `build`. */
export function parse(expression: string): Built | null {
  const fields = expression.trim().toUpperCase().split(/\s+/)
  if (fields.length === 5) return vixie(fields)
  if (fields.length === 6 || (fields.length === 7 && fields[6] === '*')) return quartz(fields.slice(0, 6))
  return null
}

function vixie([m = '', h = '', dom = '', month = '', dow = '']: string[]): Built | null {
  if (month !== '*') return null
  if (dom === '*' && dow === '*') {
    if (h === '*') {
      const every = stepOf(m, EVERY.minutes)
      if (every !== null) return { mode: 'minutes', every }
    }
    return hourlyOrDaily(m, h)
  }
  const [minute, hour] = [number(m, 59), number(h, 23)]
  if (minute === null || hour === null) return null
  if (dom === '*') {
    const days = daysOf(dow, 0)
    return days ? { mode: 'weekly', days, hour, minute } : null
  }
  const day = number(dom, 31)
  return dow === '*' && day ? { mode: 'monthly', day, hour, minute } : null
}

function quartz([s = '', m = '', h = '', dom = '', month = '', dow = '']: string[]): Built | null {
  if (month !== '*') return null
  const anyDay = (dom === '*' && dow === '?') || (dom === '?' && dow === '*') || (dom === '*' && dow === '*')
  if (m === '*' && h === '*' && anyDay) {
    const every = stepOf(s, EVERY.seconds)
    if (every !== null) return { mode: 'seconds', every }
  }
  if (s !== '0') return null
  if (anyDay) {
    const every = h === '*' ? stepOf(m, EVERY.minutes) : null
    return every !== null ? { mode: 'minutes', every } : hourlyOrDaily(m, h)
  }
  const [minute, hour] = [number(m, 59), number(h, 23)]
  if (minute === null || hour === null) return null
  if (dom === '?') {
    // Quartz counts from Sunday = 1.
    const days = daysOf(dow, 1)
    return days ? { mode: 'weekly', days, hour, minute } : null
  }
  if (dow !== '?') return null
  if (dom === 'L') return { mode: 'monthly', day: 'last', hour, minute }
  const day = number(dom, 31)
  return day ? { mode: 'monthly', day, hour, minute } : null
}

function hourlyOrDaily(m: string, h: string): Built | null {
  const minute = number(m, 59)
  if (minute === null) return null
  const every = stepOf(h, EVERY.hourly)
  if (every !== null) return { mode: 'hourly', every, minute }
  const hour = number(h, 23)
  return hour === null ? null : { mode: 'daily', hour, minute }
}

function number(text: string, max: number): number | null {
  return /^\d{1,2}$/.test(text) && Number(text) <= max ? Number(text) : null
}

function stepOf(text: string, allowed: readonly number[]): number | null {
  if (text === '*') return 1
  const match = /^(?:\*|0)\/(\d{1,2})$/.exec(text)
  const every = match ? Number(match[1]) : 0
  return allowed.includes(every) ? every : null
}

function daysOf(text: string, sunday: number): number[] | null {
  const days = new Set<number>()
  for (const part of text.split(',')) {
    const [from, to] = part.split('-').map((name) => day(name, sunday))
    if (from === undefined || from === null || to === null) return null
    const end = to ?? from
    // `FRI-MON` and `6-0` go over the end of the week.
    for (let at = from, n = 0; n < 7; at = (at + 1) % 7, n += 1) {
      days.add(at)
      if (at === end) break
    }
  }
  return [...days].sort((a, b) => a - b)
}

function day(text: string, sunday: number): number | null {
  const named = NAMES.indexOf(text)
  if (named >= 0) return named
  if (!/^\d$/.test(text)) return null
  const value = Number(text) - sunday
  if (value === 7 && sunday === 0) return 0
  return value >= 0 && value <= 6 ? value : null
}

/** A starting point of the chosen kind that keeps the time of day of the one before. */
export function switched(mode: Exclude<Mode, 'custom'>, before: Built | null): Built {
  const hour = before && 'hour' in before ? before.hour : 2
  const minute = before && 'minute' in before ? before.minute : 0
  switch (mode) {
    case 'seconds':
      return { mode, every: 10 }
    case 'minutes':
      return { mode, every: 5 }
    case 'hourly':
      return { mode, every: 1, minute }
    case 'daily':
      return { mode, hour, minute }
    case 'weekly':
      return { mode, days: [1, 2, 3, 4, 5], hour, minute }
    case 'monthly':
      return { mode, day: 1, hour, minute }
  }
}

const VIXIE = ['minute', 'hour', 'day', 'month', 'weekday'] as const
const QUARTZ = ['second', 'minute', 'hour', 'day', 'month', 'weekday', 'year'] as const

/** The fields with what each of them is, to stand below the expression. */
export function fieldsOf(expression: string): { name: string; value: string }[] {
  const fields = expression.trim().split(/\s+/).filter(Boolean)
  const names = fields.length <= 5 ? VIXIE : QUARTZ
  return names.flatMap((name, i) => (i < fields.length || (i < 5 && fields.length <= 5) || (i < 6 && fields.length > 5) ? [{ name, value: fields[i] ?? '' }] : []))
}
