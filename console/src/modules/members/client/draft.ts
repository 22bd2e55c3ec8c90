import type { ClientDraft, MemberClient } from '../types'

export function draftOf(old: MemberClient | null): ClientDraft {
  return {
    name: old?.name ?? '',
    client_key: old?.client_key ?? '',
    active: old?.active ?? true,
    scopes: [...(old?.scopes ?? [])],
    may_grant: [...(old?.may_grant ?? [])],
    allow_origins: old?.allow_origins ? [...old.allow_origins] : null,
    allow_ips: old?.allow_ips ? [...old.allow_ips] : null,
    allow_paths: old?.allow_paths ? [...old.allow_paths] : null,
    calls_per_minute: old?.calls_per_minute ?? 600,
    expires_at: old?.expires_at ?? null,
  }
}

/**
 * What is sent. Of a change only what differs: scopes that are sent as they were would still ask for the right to
 * give them. A client key is chosen once, and left out where the server shall choose.
 */
export function bodyOf(draft: ClientDraft, old: MemberClient | null): Partial<ClientDraft> {
  const whole = { ...draft, name: draft.name.trim(), client_key: draft.client_key.trim() }
  const before = draftOf(old)
  const sent = Object.entries(whole).filter(([field, value]) => {
    if (field === 'client_key') return !old && value !== ''
    const differs = JSON.stringify(value) !== JSON.stringify(before[field as keyof ClientDraft])
    return differs || (!old && !['scopes', 'may_grant'].includes(field))
  })
  return Object.fromEntries(sent) as Partial<ClientDraft>
}
