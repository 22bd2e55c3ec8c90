import type { CopyWish, OffboardAnswer } from '../grant/types'

export interface CopyDraft {
  from_user_id: string | null
  /** Empty is all. */
  scope_types: string[]
  keep_expiry: boolean
  reason: string
}

export const copyBlank = (): CopyDraft => ({ from_user_id: null, scope_types: [], keep_expiry: true, reason: '' })

/** What is sent: what was not filled in is left out. */
export function copyWish(draft: CopyDraft, dry_run: boolean): CopyWish {
  const reason = draft.reason.trim()
  return {
    from_user_id: draft.from_user_id ?? '',
    keep_expiry: draft.keep_expiry,
    dry_run,
    ...(draft.scope_types.length > 0 && { scope_types: [...draft.scope_types].sort() }),
    ...(reason && { reason }),
  }
}

/** Whether somebody has anything left that could be taken. */
export const hasNothing = (plan: OffboardAnswer): boolean => plan.grants + plan.roles.length + plan.sessions + plan.api_keys === 0
