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

/** Entries of a day that were sealed more than an hour after their time. */
export interface SealedLate {
  day: string
  /** When the first of them was. */
  sealed_at: Time
  entries: number
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
  /** No break: workers stood still, or somebody made the chain anew. */
  late: SealedLate[]
  /** What to go on with as `from`, as it is: one call works for some seconds only. */
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
/** A look at a long trail has many parts, and each of them is an entry. */
const LOOKS = 200

export const seals = {
  days: (params: Params, signal?: AbortSignal) => http.get<SealDays>('/api/audit-seals', params, signal),
  status: () => http.get<SealStatus>('/api/audit-seals/status'),
  verify: (wish: Wish, signal?: AbortSignal) => http.post<Report>('/api/audit-seals/verify', wish, { signal }),
  /** Each part of a look stands in the trail: the newest ones, by anybody, and the newest that found a break. */
  looks: async (): Promise<AuditEntry[]> => {
    const of = (more: Params) => http.get<Page<AuditEntry>>('/api/audit-entries/', { action: VERIFIED, sort: '-at', count: 'none', ...more })
    const [newest, failed] = await Promise.all([of({ page_size: LOOKS }), of({ outcome: 'failed', page_size: 1 })])
    return [...newest.items, ...failed.items.filter((one) => newest.items.every((known) => known.id !== one.id))]
  },
}

export const asks = {
  all: ['resource', 'identity.audit_seal'] as const,
  status: ['resource', 'identity.audit_seal', 'status'] as const,
  looks: ['resource', 'identity.audit_seal', 'look'] as const,
  days: ['resource', 'identity.audit_seal', 'list'] as const,
}

/** Breaks that are told one by one. */
export const MOST_BREAKS = 100

/** Days of late seals that are told one by one. */
const MOST_LATE = 31

/** One part may end within a day, with which the next one goes on. */
function lateOf(first: readonly SealedLate[], second: readonly SealedLate[]): SealedLate[] {
  const [last, next] = [first.at(-1), second[0]]
  if (!last || !next || last.day !== next.day) return [...first, ...second].slice(0, MOST_LATE)
  return [...first.slice(0, -1), { ...last, entries: last.entries + next.entries }, ...second.slice(1)].slice(0, MOST_LATE)
}

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
    late: lateOf(first.late, second.late),
    next: second.next,
  }
}

/** What the next call asks for, or null when all was looked at. A place that comes again would go on for ever. */
export function goOn(wish: Wish, report: Report): Wish | null {
  return report.next && report.next !== wish.from ? { ...wish, from: report.next } : null
}

export type Standing = 'broken' | 'sound' | 'unknown'

export interface Stand {
  state: Standing
  /** Of the look that says so. */
  at: Time | null
}

export type LookEntry = Pick<AuditEntry, 'id' | 'at' | 'outcome' | 'changes'>

/** What a part was asked, or said; undefined where its entry does not tell. */
function toldBy(entry: LookEntry, field: 'from' | 'to' | 'next'): unknown {
  const changes = entry.changes as Partial<Record<string, { after?: unknown }>> | null
  return changes?.[field]?.after
}

/**
 * How the trail stands by all that looked at it. Sound is only what a whole look found so: from the beginning to
 * the end, in one part or in several that go on from each other. A break that was found since that look began is
 * not taken back by any look at something else.
 */
export function standing(entries: readonly LookEntry[]): Stand {
  const inOrder = [...entries].sort((a, b) => a.at.localeCompare(b.at) || a.id.localeCompare(b.id))
  /** Where whole looks that have found nothing so far go on. */
  const under = new Set<unknown>()
  let stand: Stand = { state: 'unknown', at: null }
  for (const entry of inOrder) {
    if (entry.outcome !== 'ok') {
      under.clear()
      stand = { state: 'broken', at: entry.at }
      continue
    }
    const [from, to, next] = [toldBy(entry, 'from'), toldBy(entry, 'to'), toldBy(entry, 'next')]
    if (to !== null || (from !== null && !under.delete(from))) continue
    if (next === null) stand = { state: 'sound', at: entry.at }
    else if (typeof next === 'string') under.add(next)
  }
  return stand
}

/** The same with what was found here: a break is believed at once, soundness when it stands in the trail. */
export function standingHere(look: { at: Time; report: Pick<Report, 'sound'> } | null, entries: readonly LookEntry[]): Stand {
  return look && !look.report.sound ? { state: 'broken', at: look.at } : standing(entries)
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
