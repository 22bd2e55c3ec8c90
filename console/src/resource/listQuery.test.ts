import { describe, expect, it } from 'vitest'
import { fromRoute, joinParam, nextSort, splitParam, toApi, toRoute, toSelection, type ListQuery } from './listQuery'

const defaults = { pageSize: 20, sort: '-created_at' }
const plain: ListQuery = { page: 1, pageSize: 20, search: '', sort: ['-created_at'], filters: {}, trash: false }

describe('a list in the address', () => {
  it('is plain when nothing differs from the defaults', () => {
    expect(fromRoute({}, defaults)).toEqual(plain)
    expect(toRoute(plain, defaults)).toEqual({})
  })

  it('comes back as it went', () => {
    const query: ListQuery = {
      page: 3, pageSize: 50, search: '榫 & 卯', sort: ['-name', 'sort'], trash: true,
      filters: { status__in: 'enabled,disabled', created_at__gte: '2026-11-01T00:00:00+08:00', code: 'a' },
    }
    expect(fromRoute(toRoute(query, defaults), defaults)).toEqual(query)
  })

  it('ignores what is not of the grammar', () => {
    const query = fromRoute({ page: '-2', page_size: '9999', record: 'new', tab: 'x', 'Bad-Name': '1', status: ['enabled', 'x'], empty: '' }, defaults)
    expect(query).toEqual({ ...plain, pageSize: 200, filters: { status: 'enabled' } })
  })
})

describe('a list for the server', () => {
  it('names page and size, and leaves out what is not asked', () => {
    expect(toApi({ ...plain, filters: { status: 'enabled' } })).toEqual({ page: 1, page_size: 20, sort: '-created_at', search: undefined, trash: undefined, status: 'enabled' })
  })

  it('has no pages when the whole result is meant', () => {
    expect(Object.keys(toSelection({ ...plain, page: 4 }))).not.toContain('page')
  })
})

describe('filters', () => {
  it('split into field and operator', () => {
    expect(splitParam('created_at__gte')).toEqual({ field: 'created_at', op: 'gte' })
    expect(splitParam('status')).toEqual({ field: 'status', op: 'eq' })
    expect(splitParam('odd__name')).toEqual({ field: 'odd__name', op: 'eq' })
    expect(joinParam('status', 'eq')).toBe('status')
    expect(joinParam('status', 'in')).toBe('status__in')
  })
})

describe('sorting', () => {
  it('goes up, down, off', () => {
    expect(nextSort([], 'a', false)).toEqual(['a'])
    expect(nextSort(['a'], 'a', false)).toEqual(['-a'])
    expect(nextSort(['-a'], 'a', false)).toEqual([])
  })

  it('keeps the other columns when one is added', () => {
    expect(nextSort(['a'], 'b', true)).toEqual(['a', 'b'])
    expect(nextSort(['a', 'b'], 'a', true)).toEqual(['-a', 'b'])
    expect(nextSort(['-a', 'b'], 'a', true)).toEqual(['b'])
  })
})
