import { describe, expect, it } from 'vitest'
import { records, reportOf, summaryOf } from './report'

const csv = '\uFEFFusername,scope_type,module,reason\r\nann,shop,orders,"two\nlines, and ""quotes"""\r\n\r\nbob,shp,orders,\r\n,shop,order,x'

describe('a file', () => {
  it('has records that know the line on which they begin', () => {
    expect(records(csv)).toEqual([
      { line: 1, cells: ['username', 'scope_type', 'module', 'reason'] },
      { line: 2, cells: ['ann', 'shop', 'orders', 'two\nlines, and "quotes"'] },
      { line: 5, cells: ['bob', 'shp', 'orders', ''] },
      { line: 6, cells: ['', 'shop', 'order', 'x'] },
    ])
  })

  it('may be empty', () => {
    expect(records('')).toEqual([])
    expect(records('\r\n\r\n')).toEqual([])
  })
})

describe('the report', () => {
  const errors = [
    { line: 6, column: 'module', code: 'unknown_module', detail: '' },
    { line: 5, column: 'scope_type', code: 'unknown_scope_type', detail: '' },
    { line: 6, column: 'username', code: 'required', detail: '' },
    { line: 9, column: null, code: 'not_grantable', detail: '' },
  ]

  it('tells what stands there, line by line in the order of the file', () => {
    expect(reportOf(errors, csv).map((l) => [l.line, l.who, l.problems.map((p) => [p.column, p.value])])).toEqual([
      [5, 'bob', [['scope_type', 'shp']]],
      [6, '', [['module', 'order'], ['username', '']]],
      [9, '', [[null, null]]],
    ])
  })

  it('counts what runs through a column', () => {
    const many = [1, 2, 3].map((line) => ({ line, column: 'module', code: 'unknown_module', detail: '' }))
    expect(summaryOf([...errors, ...many])[0]).toEqual({ code: 'unknown_module', column: 'module', n: 4 })
    expect(summaryOf([])).toEqual([])
  })
})
