import { describe, expect, it } from 'vitest'
import { flattenTree, toTree, withDescendants } from './tree'

const rows = [
  { id: 'c', parent_id: 'b' }, { id: 'a', parent_id: null }, { id: 'b', parent_id: 'a' }, { id: 'd', parent_id: 'gone' },
]

describe('a tree of rows', () => {
  it('puts children below their parents and orphans at the root', () => {
    const tree = toTree(rows)
    expect(tree.map((n) => n.item.id)).toEqual(['a', 'd'])
    expect(flattenTree(tree, new Set(), (r) => r.id).map((n) => [n.item.id, n.depth])).toEqual([['a', 0], ['b', 1], ['c', 2], ['d', 0]])
    expect(flattenTree(tree, new Set(['a']), (r) => r.id).map((n) => n.item.id)).toEqual(['a', 'd'])
  })

  it('survives rows that are their own ancestors', () => {
    const tree = toTree([{ id: 'x', parent_id: 'y' }, { id: 'y', parent_id: 'x' }])
    expect(tree.map((n) => n.item.id).sort()).toEqual(['x', 'y'])
  })

  it('knows what stands below', () => {
    expect([...withDescendants(rows, 'a')].sort()).toEqual(['a', 'b', 'c'])
  })
})
