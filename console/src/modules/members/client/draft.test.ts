import { describe, expect, it } from 'vitest'
import type { MemberClient } from '../types'
import { bodyOf, draftOf } from './draft'

const old: MemberClient = {
  id: '1', client_key: 'shop', name: 'Shop', key_prefix: 'mk_live_abcd', active: true, scopes: ['permissions:read'], may_grant: ['orders'],
  allow_origins: null, allow_ips: ['10.0.0.0/8'], allow_paths: null, calls_per_minute: 600, expires_at: null, last_used_at: null,
  previous_until: null, made_by: 'owner', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-01-01T00:00:00Z',
}

describe('what is sent of a program', () => {
  it('is all that a new one has, without a client key that was not chosen', () => {
    const draft = { ...draftOf(null), name: ' Shop ', allow_ips: ['10.0.0.1'] }
    expect(bodyOf(draft, null)).toEqual({ name: 'Shop', active: true, allow_origins: null, allow_ips: ['10.0.0.1'], allow_paths: null, calls_per_minute: 600, expires_at: null })
    expect(bodyOf({ ...draft, client_key: 'shop', scopes: ['users:read'] }, null)).toMatchObject({ client_key: 'shop', scopes: ['users:read'] })
  })

  it('is only what differs of one that there is', () => {
    expect(bodyOf(draftOf(old), old)).toEqual({})
    expect(bodyOf({ ...draftOf(old), name: 'Store', allow_ips: null }, old)).toEqual({ name: 'Store', allow_ips: null })
    expect(bodyOf({ ...draftOf(old), scopes: [] }, old)).toEqual({ scopes: [] })
  })

  it('shares no list with the record it came from', () => {
    draftOf(old).scopes.push('users:read')
    expect(old.scopes).toEqual(['permissions:read'])
  })
})
