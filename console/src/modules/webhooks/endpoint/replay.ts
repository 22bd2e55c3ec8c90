import { KEPT_DAYS, type ReplayRequest } from '../types'

export interface ReplayDraft {
  since: string | null
  until: string | null
  event_types: string[]
  only_failed: boolean
}

const HOUR = 3_600_000

/** Ready-made beginnings, in hours before now. The last one keeps clear of the edge, beyond which messages are gone. */
export const BACK = [1, 24, 168, KEPT_DAYS * 24 - 1] as const

export function hoursBack(hours: number, now: number): string {
  return new Date(now - hours * HOUR).toISOString()
}

export type ReplayProblem = 'missing' | 'too_old' | 'order' | 'future'

/** What is wrong with the time that was chosen, before the server has to say so. */
export function problemOf(draft: Pick<ReplayDraft, 'since' | 'until'>, now: number): ReplayProblem | null {
  if (!draft.since) return 'missing'
  const since = Date.parse(draft.since)
  if (since < now - KEPT_DAYS * 24 * HOUR) return 'too_old'
  if (since > now) return 'future'
  return draft.until && Date.parse(draft.until) <= since ? 'order' : null
}

/** What is sent: what was left open is left out. */
export function bodyOf(draft: ReplayDraft): ReplayRequest {
  return {
    since: draft.since ?? '',
    ...(draft.until ? { until: draft.until } : {}),
    ...(draft.event_types.length ? { event_types: draft.event_types } : {}),
    ...(draft.only_failed ? { only_failed: true } : {}),
  }
}
