/** Who holds what, as it comes over the wire. */
import type { Id, Time } from '@/api/types'

export interface Tuple {
  scope_type: string
  scope_id: string
  module: string
  action: string
}

export interface Person {
  id: Id
  name: string
  username: string
  email: string | null
  /** Whether he may work here. */
  is_active: boolean
}

/** Who gave something: `user`, `program`, `system`, or `unknown` for what was given before this was kept. */
export interface Giver {
  kind: string
  id: Id | null
  name: string
}

export interface MemberGrant extends Tuple {
  id: Id
  user: Person
  reason: string | null
  expires_at: Time | null
  granted_by: Giver | null
  created_at: Time | null
}

/** Why somebody may do something. */
export interface Origin {
  kind: 'owner' | 'role' | 'grant'
  role: { id: Id; name: string } | null
  grant_id: Id | null
  granted_by: Giver | null
  granted_at: Time | null
  reason: string | null
  expires_at: Time | null
}

export interface Holder {
  user: Person
  origins: Origin[]
}

export interface EffectivePermission extends Tuple {
  expires_at: Time | null
  origins: Origin[]
}

export interface MemberAccess {
  user: Person
  is_owner: boolean
  version: number
  permissions: EffectivePermission[]
}

export interface GrantOperation extends Tuple {
  op: 'grant' | 'revoke'
  user_id: Id
  reason?: string | null
  expires_at?: Time | null
}

export interface Refusal {
  code: string
  detail: string
}

export interface Outcome {
  index: number
  result: 'granted' | 'updated' | 'unchanged' | 'revoked' | 'not_granted' | 'refused'
  /** Names of roles that give the same, and `owner` where he has everything. */
  still_granted_by?: string[]
  error?: Refusal
}

export interface BatchAnswer {
  results: Outcome[]
  changed: number
}

export interface ImportError {
  /** The line of the file on which the record begins; the head is line 1. */
  line: number
  column: string | null
  code: string
  detail: string
}

export interface GrantImport {
  rows: number
  granted: number
  updated: number
  unchanged: number
  revoked: number
  /** Whether it was kept: no dry run, and nothing wrong. */
  applied: boolean
  /** Rows with something wrong. */
  failed: number
  /** The first 200 problems. */
  errors: ImportError[]
}

export interface CopyWish {
  from_user_id: Id
  scope_types?: string[]
  keep_expiry: boolean
  reason?: string
  dry_run: boolean
}

export interface CopyAnswer {
  added: (Tuple & { expires_at: Time | null })[]
  already: number
  refused: ({ tuple: Tuple } & Refusal)[]
}

export interface OffboardWish {
  reason: string
  disable: boolean
  dry_run: boolean
}

export interface OffboardAnswer {
  grants: number
  roles: { id: Id; name: string }[]
  sessions: number
  api_keys: number
  disabled: boolean
  was_owner: boolean
}

/** A name that tuples may have. */
export interface Term {
  kind: 'scope_type' | 'module' | 'action'
  name: string
  description: string | null
  /** Since when it is given no more. */
  deprecated_at: Time | null
  /** Brought along by the product. */
  built_in: boolean
}

export const MOST_REASON = 500
/** What one batch takes. */
export const MOST_OPERATIONS = 500
