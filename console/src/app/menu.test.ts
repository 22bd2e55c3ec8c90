import { describe, expect, it } from 'vitest'
import type { MenuNode } from '@/api/types'
import { mergeMenu, trail, visible, type CodePage } from './menu'
import { safeNext } from './next'

const pages: CodePage[] = [
  { page: 'home', path: '/', title: 'home', order: 0 },
  { page: 'identity.users', path: '/users', title: 'users', order: 10, group: 'g', permission: 'p:users' },
  { page: 'identity.roles', path: '/roles', title: 'roles', order: 20, group: 'g', permission: 'p:roles' },
]
const groups = [{ key: 'g', title: 'group', icon: 'i', order: 10 }]
const node = (o: Partial<MenuNode>): MenuNode => ({ id: o.page ?? o.title_en ?? 'x', key: null, kind: 'page', title_zh: '', title_en: '', icon: null, page: null, url: null, sort: 0, hidden: false, children: [], ...o })
const all = () => true

describe('the sidebar', () => {
  it('is the code’s own while the server says nothing', () => {
    const menu = mergeMenu([], pages, groups, all)
    expect(menu.map((i) => i.id)).toEqual(['home', 'g'])
    expect(menu[1]?.children.map((i) => i.path)).toEqual(['/users', '/roles'])
  })

  it('takes order, titles and groups from the server, and no page the code lacks', () => {
    const server = [node({ kind: 'group', title_en: 'Team', sort: -1, children: [node({ page: 'identity.users', title_en: 'People' }), node({ page: 'evil.page' })] })]
    const menu = mergeMenu(server, pages, groups, all)
    expect(menu.map((i) => i.titles?.en ?? i.id)).toEqual(['Team', 'home', 'g'])
    expect(menu[0]?.children.map((i) => i.path)).toEqual(['/users'])
    expect(menu[2]?.children.map((i) => i.path)).toEqual(['/roles'])
  })

  it('puts a page that the server does not mention under the server’s heading of its group', () => {
    const server = [node({ id: 'row-1', key: 'g', kind: 'group', title_en: 'Renamed', children: [node({ page: 'identity.users' })] })]
    const menu = mergeMenu(server, pages, groups, all)
    expect(menu.map((i) => i.titles?.en ?? i.id)).toEqual(['Renamed', 'home'])
    expect(menu[0]?.children.map((i) => i.path)).toEqual(['/users', '/roles'])
  })

  it('hides what is forbidden or hidden, and groups that became empty', () => {
    const menu = mergeMenu([node({ page: 'identity.users', hidden: true })], pages, groups, (p) => p !== 'p:roles')
    expect(visible(menu).map((i) => i.id)).toEqual(['home'])
  })

  it('links only to the web', () => {
    const menu = mergeMenu([node({ kind: 'link', url: 'javascript:alert(1)', title_en: 'bad' }), node({ kind: 'link', url: 'https://example.com', title_en: 'good' })], [], [], all)
    expect(menu.map((i) => i.titles?.en)).toEqual(['good'])
  })

  it('knows the way to a page', () => {
    expect(trail(mergeMenu([], pages, groups, all), '/roles').map((i) => i.id)).toEqual(['g', 'identity.roles'])
  })
})

describe('where to go after sign-in', () => {
  it('is a path of this console', () => {
    expect(safeNext('/users?page=2#x')).toBe('/users?page=2#x')
  })
  it.each(['//evil.example', '/\\evil.example', 'https://evil.example', 'javascript:alert(1)', '/\t/evil.example', '', null, ['/users']])('is never %s', (next) => {
    expect(safeNext(next)).toBe('/')
  })
})
