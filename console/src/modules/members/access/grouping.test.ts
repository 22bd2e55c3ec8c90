import { describe, expect, it } from 'vitest'
import type { EffectivePermission, Origin } from '../grant/types'
import { factsOf, grouped } from './grouping'

const origin = (kind: Origin['kind'], more: Partial<Origin> = {}): Origin => ({ kind, role: null, grant_id: null, granted_by: null, granted_at: null, reason: null, expires_at: null, ...more })
const permission = (path: string, origins: Origin[], expires_at: string | null = null): EffectivePermission => {
  const [scope_type = '', scope_id = '', module = '', action = ''] = path.split(' ')
  return { scope_type, scope_id, module, action, expires_at, origins }
}
const permissions = [
  permission('org 1 identity.post list', [origin('role', { role: { id: 'r', name: 'Editor' } })]),
  permission('org 1 identity.post update', [origin('owner')]),
  permission('shop 7 orders read', [origin('grant', { reason: 'holiday cover' })], '2026-03-03T00:00:00Z'),
  permission('shop 7 stock read', [origin('grant')]),
  permission('shop 7 orders approve', [origin('grant'), origin('role', { role: { id: 'b', name: 'Boss' } })], '2026-09-01T00:00:00Z'),
]
const shape = (words: string, kind: Origin['kind'] | '' = '') =>
  grouped(permissions, { words, kind, text: (p) => (p.action === 'list' ? 'Posts: List' : '') }).map((s) => [s.key, s.n, s.modules.map((m) => `${m.module} ${m.items.map((i) => i.action).join('+')}`)])

describe('what somebody may do', () => {
  it('stands by scope and module, the product’s own last', () => {
    expect(shape('')).toEqual([['shop 7', 3, ['orders read+approve', 'stock read']], ['org 1', 2, ['identity.post list+update']]])
  })

  it.each([
    ['orders:approve', [['shop 7', 1, ['orders approve']]]],
    ['posts list', [['org 1', 1, ['identity.post list']]]],
    ['COVER', [['shop 7', 1, ['orders read']]]],
    ['boss', [['shop 7', 1, ['orders approve']]]],
    ['nothing', []],
  ])('is found by “%s”', (words, expected) => expect(shape(words)).toEqual(expected))

  it('is narrowed to where it comes from', () => {
    expect(shape('', 'role')).toEqual([['shop 7', 1, ['orders approve']], ['org 1', 1, ['identity.post list']]])
    expect(shape('', 'owner')).toEqual([['org 1', 1, ['identity.post update']]])
  })

  it('is counted', () => {
    expect(factsOf(permissions, Date.parse('2026-03-01T00:00:00Z'))).toEqual({ all: 5, scopes: 2, granted: 3, ending: 1 })
  })
})
