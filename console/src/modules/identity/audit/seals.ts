import { http, type Params } from '@/api/client'
import type { AuditEntry, Id, Page, Time } from '@/api/types'

/** A day of an organisation's trail: a chain of entries that is closed with a seal. */
export interface SealDay {
  /** `2026-11-27`, a day in UTC. */
  day: string
  state: 'open' | 'closed'
  entries: number
  sealed_at: Time
  hash: string
  previous_hash: string | null
  /** The entries were dropped after their retention; the seal was kept. */
  pruned: boolean
}

export interface SealDays {
  items: SealDay[]
  /** `before` of the next ones. */
  next: string | null
}

export const BREAKS = ['changed', 'removed', 'inserted', 'seal_changed', 'head_missing'] as const
export type BreakKind = (typeof BREAKS)[number]

export interface SealBreak {
  day: string
  kind: BreakKind
  entry_id: Id | null
  at: Time | null
  detail: string
}

export interface Report {
  sound: boolean
  days: number
  entries: number
  /** Days of which only the seal is left. */
  pruned_days: number
  /** Null until the end. */
  unsealed: number | null
  head: string | null
  breaks: SealBreak[]
  /** The day to go on with: one call works for some seconds only. */
  next: string | null
}

export interface SealStatus {
  sealed: number
  unsealed: number
  last_sealed_at: Time | null
  head: string | null
}

/** What to verify; nothing means the whole trail. */
export interface Wish {
  from?: string
  to?: string
  /** A head that was noted down earlier. */
  expected?: string
}

const VERIFIED = 'identity:audit_seal:verify'

export const seals = {
  days: (params: Params, signal?: AbortSignal) => http.get<SealDays>('/api/audit-seals', params, signal),
  status: () => http.get<SealStatus>('/api/audit-seals/status'),
  verify: (wish: Wish, signal?: AbortSignal) => http.post<Report>('/api/audit-seals/verify', wish, { signal }),
  /** Each look at the trail stands in it: the newest one, by anybody. */
  lastLook: async () => (await http.get<Page<AuditEntry>>('/api/audit-entries/', { action: VERIFIED, sort: '-at', page_size: 1, count: 'none' })).items[0] ?? null,
}

export const asks = {
  all: ['resource', 'identity.audit_seal'] as const,
  status: ['resource', 'identity.audit_seal', 'status'] as const,
  lastLook: ['resource', 'identity.audit_seal', 'look'] as const,
  days: ['resource', 'identity.audit_seal', 'list'] as const,
}

/** Breaks that are told one by one. */
export const MOST_BREAKS = 100

/** Two parts of one look at the trail: what was counted adds up, and it is sound only where both parts are. */
export function joined(first: Report | null, second: Report): Report {
  if (!first) return second
  return {
    sound: first.sound && second.sound,
    days: first.days + second.days,
    entries: first.entries + second.entries,
    pruned_days: first.pruned_days + second.pruned_days,
    unsealed: second.unsealed,
    head: second.head ?? first.head,
    breaks: [...first.breaks, ...second.breaks].slice(0, MOST_BREAKS),
    next: second.next,
  }
}

/** What the next call asks for, or null when all was looked at. A day that comes again would go on for ever. */
export function goOn(wish: Wish, report: Report): Wish | null {
  return report.next && report.next !== wish.from ? { ...wish, from: report.next } : null
}

export type Standing = 'broken' | 'sound' | 'unknown'

/** How the trail stands by the last look at it: here, or by anybody. */
export function standing(report: Pick<Report, 'sound'> | null, look: Pick<AuditEntry, 'outcome'> | null | undefined): Standing {
  const sound = report ? report.sound : look ? look.outcome === 'ok' : null
  return sound === null ? 'unknown' : sound ? 'sound' : 'broken'
}

/** A hash as people compare it: its beginning and its end. */
export function shortHash(hash: string): string {
  return hash.length > 20 ? `${hash.slice(0, 8)}…${hash.slice(-8)}` : hash
}

export const isHash = (text: string): boolean => /^[0-9a-f]{64}$/.test(text)

/** What was chosen, as it is asked for. A head is looked for to the end of the trail, so it goes with no last day. */
export function wishOf(days: [string, string] | null | undefined, head: string): Wish {
  const expected = head.trim().toLowerCase()
  return { ...(days ? { from: days[0], ...(expected ? {} : { to: days[1] }) } : {}), ...(expected ? { expected } : {}) }
}

/** Breaks by the day they are in, the earliest first: the first is where to begin to look. */
export function byDay(breaks: readonly SealBreak[]): { day: string; breaks: SealBreak[] }[] {
  const days = new Map<string, SealBreak[]>()
  const inOrder = [...breaks].sort((a, b) => a.day.localeCompare(b.day) || (a.at ?? '').localeCompare(b.at ?? ''))
  for (const one of inOrder) days.set(one.day, [...(days.get(one.day) ?? []), one])
  return [...days].map(([day, own]) => ({ day, breaks: own }))
}
