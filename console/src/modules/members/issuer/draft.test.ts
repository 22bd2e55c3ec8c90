import { describe, expect, it } from 'vitest'
import type { MemberIssuer } from '../types'
import { bodyOf, draftOf } from './draft'

const old: MemberIssuer = {
  id: '1', name: 'Company', issuer: 'https://id.example.com/', jwks_url: null, audiences: ['tenon'], algorithms: ['ES256'], azp: [], require_azp: true,
  active: false, keys: 'ok', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-01-01T00:00:00Z',
}

describe('what is sent of an issuer', () => {
  it('is the whole, and nothing the server says of itself', () => {
    expect(bodyOf(old)).toEqual({ name: 'Company', issuer: 'https://id.example.com/', jwks_url: null, audiences: ['tenon'], algorithms: ['ES256'], azp: [], require_azp: true, active: false })
  })

  it('has no URL of keys where the field is empty', () => {
    expect(bodyOf({ ...draftOf(null), name: ' A ', jwks_url: ' ' })).toMatchObject({ name: 'A', jwks_url: null, algorithms: ['RS256', 'ES256', 'ES384'] })
  })

  it('shares no list with the record it came from', () => {
    draftOf(old).audiences.push('other')
    expect(old.audiences).toEqual(['tenon'])
  })
})
