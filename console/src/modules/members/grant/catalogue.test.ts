import { describe, expect, it } from 'vitest'
import type { Permission } from '@/api/types'
import { actions, codeOf, halves, isScopeId, isWhole, keyOf, modules, scopeTypes } from './catalogue'
import type { Term } from './types'

const term = (kind: Term['kind'], name: string, more: Partial<Term> = {}): Term => ({ kind, name, description: null, deprecated_at: null, built_in: false, ...more })
const terms = [
  term('scope_type', 'org', { built_in: true }), term('scope_type', 'shop', { description: 'A shop' }), term('scope_type', 'branch', { deprecated_at: '2026-01-01T00:00:00Z' }),
  term('module', 'identity.post', { built_in: true }), term('module', 'orders'), term('action', 'approve'), term('action', 'list', { built_in: true }),
]
const permission = (code: string, title_en: string): Permission => {
  const [module = '', name = '', action = ''] = code.split(':')
  return { code, module, name, action, title_zh: '', title_en, source: 'route' } as Permission
}
const permissions = [permission('identity:post:list', 'Posts: List'), permission('identity:post:update', 'Posts: Change'), permission('identity:role:list', 'Roles: List')]
const title = (p: Permission): string => p.title_en

describe('the names of a tuple', () => {
  it('have what was declared first and what is given no more last', () => {
    expect(scopeTypes(terms).map((c) => [c.value, c.deprecated])).toEqual([['shop', false], ['org', false], ['branch', true]])
    expect(scopeTypes(terms)[0]?.text).toBe('A shop')
  })

  it('are the product’s own where the scope is an organisation', () => {
    expect(modules(terms, permissions, 'org', title).map((c) => [c.value, c.label])).toEqual([['identity.post', 'Posts'], ['identity.role', 'Roles']])
    expect(actions(terms, permissions, { scope_type: 'org', module: 'identity.post' }, title).map((c) => [c.value, c.label])).toEqual([['list', 'List'], ['update', 'Change']])
  })

  it('are all that are known elsewhere', () => {
    expect(modules(terms, permissions, 'shop', title).map((c) => c.value)).toEqual(['orders', 'identity.post'])
    expect(actions(terms, permissions, { scope_type: 'shop', module: 'orders' }, title).map((c) => c.value)).toEqual(['approve', 'list'])
  })
})

describe('a tuple', () => {
  const tuple = { scope_type: 'org', scope_id: '7', module: 'identity.audit_entry', action: 'list' }
  it('is a code of the product only in an organisation', () => {
    expect(codeOf(tuple)).toBe('identity:audit_entry:list')
    expect(codeOf({ ...tuple, scope_type: 'shop' })).toBeNull()
  })

  it('is whole when no part is missing', () => {
    expect(isWhole(tuple)).toBe(true)
    expect(isWhole({ ...tuple, scope_id: 'a b' })).toBe(false)
    expect(isWhole({ ...tuple, action: '' })).toBe(false)
  })

  it('has a key that no other has', () => {
    expect(keyOf({ ...tuple, scope_id: 'a:b', module: 'c' })).not.toBe(keyOf({ ...tuple, scope_id: 'a', module: 'b:c' }))
  })

  it.each(['7', 'a.b_c:d@e/f-g', 'x'.repeat(128)])('may have the scope %s', (text) => expect(isScopeId(text)).toBe(true))
  it.each(['', '*', 'a b', 'ü', 'x'.repeat(129)])('never has the scope “%s”', (text) => expect(isScopeId(text)).toBe(false))
})

describe('a title', () => {
  it.each([['Posts: List', 'Posts', 'List'], ['岗位：列出', '岗位', '列出'], ['Whole', 'Whole', 'Whole']])('%s has two halves', (text, a, b) => {
    expect(halves(text)).toEqual([a, b])
  })
})
