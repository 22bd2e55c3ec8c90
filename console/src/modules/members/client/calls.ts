import { http, type Params } from '@/api/client'
import type { Id, Time } from '@/api/types'

export interface Call {
  id: Id
  at: Time
  method: string
  /** The template: `/admin/users/{authentik_sub}`. */
  route: string
  status: number
  duration_ms: number
  ip: string | null
  request_id: string
  /** The problem's code of a refusal. */
  reason: string | null
}

export interface Calls {
  items: Call[]
  next_before: Id | null
}

export interface CallHour {
  hour: Time
  /** 2xx and 3xx. */
  ok: number
  /** 4xx. */
  refused: number
  /** 5xx. */
  failed: number
}

export interface CallStats {
  from: Time
  until: Time
  /** Hours without calls are left out. */
  hours: CallHour[]
  total: Omit<CallHour, 'hour'>
}

const path = (id: Id, rest = ''): string => `/api/member-clients/${encodeURIComponent(id)}/calls${rest}`

export const calls = {
  list: (id: Id, params: Params, signal?: AbortSignal) => http.get<Calls>(path(id), params, signal),
  stats: (id: Id, signal?: AbortSignal) => http.get<CallStats>(path(id, '/stats'), undefined, signal),
}

/** Query keys: below those of programs, so that a change of one asks again. */
export const callKeys = {
  list: (id: Id, status: string) => ['resource', 'members.client', 'calls', id, status] as const,
  stats: (id: Id) => ['resource', 'members.client', 'calls', id, 'stats'] as const,
}

export const STATUS_CLASSES = ['2xx', '3xx', '4xx', '5xx'] as const

const HOUR = 3_600_000

/** The last hours without a gap, the running one included: where nothing was called there is a zero. */
export function lastHours(stats: Pick<CallStats, 'until' | 'hours'>, count: number): CallHour[] {
  const known = new Map(stats.hours.map((hour) => [Date.parse(hour.hour), hour]))
  const newest = Math.floor(Date.parse(stats.until) / HOUR) * HOUR
  return Array.from({ length: count }, (_, index) => {
    const at = newest - (count - 1 - index) * HOUR
    return known.get(at) ?? { hour: new Date(at).toISOString(), ok: 0, refused: 0, failed: 0 }
  })
}

export function sumOf(hours: readonly CallHour[]): Omit<CallHour, 'hour'> {
  const none = { ok: 0, refused: 0, failed: 0 }
  return hours.reduce((sum, hour) => ({ ok: sum.ok + hour.ok, refused: sum.refused + hour.refused, failed: sum.failed + hour.failed }), none)
}

export type StatusTone = 'ok' | 'info' | 'denied' | 'failed'

/** The tone of the tag that shows a status. */
export function toneOf(status: number): StatusTone {
  if (status >= 500) return 'failed'
  if (status >= 400) return 'denied'
  return status >= 300 ? 'info' : 'ok'
}
