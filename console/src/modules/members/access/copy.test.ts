import { describe, expect, it } from 'vitest'
import { copyBlank, copyWish, hasNothing } from './copy'

describe('what is sent to copy', () => {
  it('leaves out what was not filled in', () => {
    expect(copyWish({ ...copyBlank(), from_user_id: 'u', reason: ' ' }, true)).toEqual({ from_user_id: 'u', keep_expiry: true, dry_run: true })
  })

  it('has the scope types in one order, whatever they were chosen in', () => {
    const draft = { ...copyBlank(), from_user_id: 'u', scope_types: ['shop', 'branch'], keep_expiry: false, reason: ' deputy ' }
    expect(copyWish(draft, false)).toEqual({ from_user_id: 'u', keep_expiry: false, dry_run: false, scope_types: ['branch', 'shop'], reason: 'deputy' })
    expect(draft.scope_types).toEqual(['shop', 'branch'])
  })
})

describe('what is taken when somebody leaves', () => {
  const none = { grants: 0, roles: [], sessions: 0, api_keys: 0, disabled: true, was_owner: false }
  it('may be nothing', () => {
    expect(hasNothing(none)).toBe(true)
    expect(hasNothing({ ...none, sessions: 1 })).toBe(false)
    expect(hasNothing({ ...none, roles: [{ id: 'r', name: 'Editor' }] })).toBe(false)
  })
})
