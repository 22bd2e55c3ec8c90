import { emptyTuple, isWhole, tupleOf } from './catalogue'
import type { GrantOperation, MemberGrant, Tuple } from './types'

/** What the form of a grant holds. */
export interface GrantDraft {
  user_id: string | null
  tuple: Tuple
  expires_at: string | null
  reason: string
}

/** What a grant begins with: the person, the tuple, or both may be known. */
export type Start = Partial<Pick<GrantDraft, 'user_id'>> & { tuple?: Partial<Tuple> }

export function blank(start: Start = {}): GrantDraft {
  return { user_id: start.user_id ?? null, tuple: { ...emptyTuple(), ...start.tuple }, expires_at: null, reason: '' }
}

export const isComplete = (draft: GrantDraft): boolean => !!draft.user_id && isWhole(draft.tuple)

/** An end that is not given is none: the form shows all there is to say. */
export function grantOf(draft: GrantDraft): GrantOperation {
  return { op: 'grant', user_id: draft.user_id ?? '', ...tupleOf(draft.tuple), reason: draft.reason.trim() || null, expires_at: draft.expires_at }
}

export function revokeOf(grant: Pick<MemberGrant, 'user'> & Tuple): GrantOperation {
  return { op: 'revoke', user_id: grant.user.id, ...tupleOf(grant) }
}

const DAY = 86_400_000

/** So many days from now, on the whole minute: nobody means the seconds. */
export function inDays(days: number, now: number): string {
  return new Date(Math.floor((now + days * DAY) / 60_000) * 60_000).toISOString()
}

export type Ending = 'never' | 'over' | 'soon' | 'later'

/** Within a week is soon: time enough to give it again. */
export function endingOf(expiresAt: string | null, now: number): Ending {
  if (!expiresAt) return 'never'
  const left = Date.parse(expiresAt) - now
  return left <= 0 ? 'over' : left < 7 * DAY ? 'soon' : 'later'
}
