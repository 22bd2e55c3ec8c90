import { describe, expect, it } from 'vitest'
import type { Holder, Origin } from '../grant/types'
import { found, sharesOf } from './origins'

const origin = (kind: Origin['kind'], role?: string): Origin => ({ kind, role: role ? { id: role, name: role.toUpperCase() } : null, grant_id: null, granted_by: null, granted_at: null, reason: null, expires_at: null })
const holder = (name: string, ...origins: Origin[]): Holder => ({ user: { id: name, name, username: `${name}_1`, email: `${name}@example.com`, is_active: true }, origins })
const holders = [
  holder('ann', origin('owner'), origin('grant')),
  holder('bob', origin('role', 'editor')),
  holder('cy', origin('role', 'editor'), origin('role', 'boss')),
  holder('di', origin('grant')),
]

describe('how people come to a permission', () => {
  it('counts each way once a person, and those who have no other', () => {
    expect(sharesOf(holders).map((s) => [s.key, s.name, s.n, s.only])).toEqual([
      ['owner', null, 1, 0], ['role:editor', 'EDITOR', 2, 1], ['role:boss', 'BOSS', 1, 0], ['grant', null, 2, 1],
    ])
    expect(sharesOf([holder('x', origin('grant'), origin('grant'))])).toMatchObject([{ n: 1, only: 1 }])
    expect(sharesOf([])).toEqual([])
  })

  it('narrows the people, by a way and by words', () => {
    expect(found(holders, '', 'role:editor').map((h) => h.user.id)).toEqual(['bob', 'cy'])
    expect(found(holders, ' DI@example ', null).map((h) => h.user.id)).toEqual(['di'])
    expect(found(holders, 'ann', 'role:editor')).toEqual([])
  })
})
