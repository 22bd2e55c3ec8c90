/** Programs and issuers as they come over the wire. */
import type { Id, Time } from '@/api/types'

export const SCOPES = ['permissions:read', 'permissions:write', 'users:read', 'users:write', 'users:create', 'catalog:read', 'catalog:write', 'audit:read', 'clients:read', 'clients:write'] as const
export type Scope = (typeof SCOPES)[number]

/** What confines a program beside its key; null is any. */
export interface Limits {
  allow_origins: string[] | null
  allow_ips: string[] | null
  allow_paths: string[] | null
}

export interface MemberClient extends Limits {
  id: Id
  /** What it sends as `X-Client-Key`. */
  client_key: string
  name: string
  key_prefix: string
  active: boolean
  scopes: string[]
  /** `module` or `module:action`. */
  may_grant: string[]
  /** 0 for no limit. */
  calls_per_minute: number
  expires_at: Time | null
  last_used_at: Time | null
  /** Until when the key before this one is taken. */
  previous_until: Time | null
  made_by: string
  created_at: Time
  updated_at: Time
}

/** The only answers that hold the key itself: of making a program, and of rotating its key. */
export interface MemberClientWithKey extends MemberClient {
  api_key: string
}

/** What a form of a program holds. An empty client key is left to the server. */
export interface ClientDraft extends Limits {
  name: string
  client_key: string
  active: boolean
  scopes: string[]
  may_grant: string[]
  calls_per_minute: number
  expires_at: Time | null
}

export const MOST_HOURS = 720

export const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'EdDSA'] as const
export const USUAL_ALGORITHMS: readonly string[] = ['RS256', 'ES256', 'ES384']

export type KeysState = 'ok' | 'stale' | 'empty'

export interface IssuerDraft {
  name: string
  /** As tokens write it, byte by byte. */
  issuer: string
  /** Null: they are discovered. */
  jwks_url: string | null
  audiences: string[]
  algorithms: string[]
  azp: string[]
  require_azp: boolean
  active: boolean
}

export interface MemberIssuer extends IssuerDraft {
  id: Id
  keys: KeysState
  created_at: Time
  updated_at: Time
}

export interface IssuerKeys {
  keys: number
  note: string | null
}
