import { describe, expect, it } from 'vitest'
import { blank, endingOf, grantOf, inDays, isComplete, revokeOf } from './draft'
import type { MemberGrant } from './types'

const tuple = { scope_type: 'shop', scope_id: '7', module: 'orders', action: 'approve' }
const now = Date.parse('2026-03-01T10:00:30.500Z')

describe('the form of a grant', () => {
  it('begins with what is known', () => {
    expect(blank({ user_id: 'u', tuple: { scope_type: 'shop' } })).toEqual({ user_id: 'u', tuple: { scope_type: 'shop', scope_id: '', module: '', action: '' }, expires_at: null, reason: '' })
  })

  it('can be sent when there is a person and a whole tuple', () => {
    expect(isComplete(blank({ user_id: 'u', tuple }))).toBe(true)
    expect(isComplete(blank({ tuple }))).toBe(false)
    expect(isComplete(blank({ user_id: 'u', tuple: { ...tuple, scope_id: 'a b' } }))).toBe(false)
  })

  it('sends nothing for a reason that is blank', () => {
    expect(grantOf({ ...blank({ user_id: 'u', tuple }), reason: '  ' })).toEqual({ op: 'grant', user_id: 'u', ...tuple, reason: null, expires_at: null })
    expect(grantOf({ ...blank({ user_id: 'u', tuple }), reason: ' cover ', expires_at: '2026-04-01T00:00:00Z' })).toMatchObject({ reason: 'cover', expires_at: '2026-04-01T00:00:00Z' })
  })
})

describe('a revocation', () => {
  it('names the person and the tuple, and nothing else of the grant', () => {
    const grant: MemberGrant = { id: 'g', user: { id: 'u', name: 'Ann', username: 'ann', email: null, is_active: true }, ...tuple, reason: 'x', expires_at: null, granted_by: null, created_at: '2026-01-01T00:00:00Z' }
    expect(revokeOf(grant)).toEqual({ op: 'revoke', user_id: 'u', ...tuple })
  })
})

describe('an end', () => {
  it('lies on a whole minute', () => {
    expect(inDays(1, now)).toBe('2026-03-02T10:00:00.000Z')
  })

  it.each([[null, 'never'], ['2026-03-01T10:00:00Z', 'over'], ['2026-03-05T10:00:00Z', 'soon'], ['2026-03-20T10:00:00Z', 'later']] as const)('%s is %s', (end, word) => {
    expect(endingOf(end, now)).toBe(word)
  })
})
