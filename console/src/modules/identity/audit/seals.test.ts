import { describe, expect, it } from 'vitest'
import { byDay, goOn, isHash, joined, MOST_BREAKS, shortHash, standing, wishOf, type Report, type SealBreak } from './seals'

const at = (day: string, time: string | null): SealBreak => ({ day, at: time, entry_id: null, kind: 'changed', detail: '' })
const report = (more: Partial<Report>): Report => ({ sound: true, days: 1, entries: 10, pruned_days: 0, unsealed: null, head: 'a', breaks: [], next: null, ...more })

describe('a look in several parts', () => {
  it('adds up, is sound only as a whole, and ends as its last part ends', () => {
    const first = report({ days: 30, entries: 900, pruned_days: 3, next: '2026-10-03', sound: false, breaks: [at('2026-09-10', null)] })
    const whole = joined(joined(null, first), report({ days: 5, entries: 20, unsealed: 2, head: 'b' }))
    expect(whole).toEqual({ sound: false, days: 35, entries: 920, pruned_days: 3, unsealed: 2, head: 'b', breaks: [at('2026-09-10', null)], next: null })
  })

  it('tells no more breaks than one part does', () => {
    const many = report({ breaks: Array.from({ length: 80 }, () => at('2026-09-10', null)) })
    expect(joined(many, many).breaks).toHaveLength(MOST_BREAKS)
  })

  it('goes on where the server says, with the rest of the wish, and never in a circle', () => {
    expect(goOn({ to: '2026-11-27' }, report({ next: '2026-10-03' }))).toEqual({ from: '2026-10-03', to: '2026-11-27' })
    expect(goOn({ from: '2026-10-03' }, report({ next: '2026-10-03' }))).toBeNull()
    expect(goOn({}, report({}))).toBeNull()
  })
})

describe('how the trail stands', () => {
  it('is unknown until somebody has looked, and told by the look here before that of others', () => {
    expect([standing(null, null), standing(null, undefined)]).toEqual(['unknown', 'unknown'])
    expect([standing(null, { outcome: 'ok' }), standing(null, { outcome: 'failed' })]).toEqual(['sound', 'broken'])
    expect([standing({ sound: false }, { outcome: 'ok' }), standing({ sound: true }, { outcome: 'failed' })]).toEqual(['broken', 'sound'])
  })
})

describe('a hash', () => {
  it('is shortened to both of its ends, and left alone where that saves nothing', () => {
    expect(shortHash('0123456789abcdef'.repeat(4))).toBe('01234567…89abcdef')
    expect(shortHash('0123456789abcdef')).toBe('0123456789abcdef')
  })

  it('has 64 digits', () => {
    expect([isHash('0123456789abcdef'.repeat(4)), isHash('0123'), isHash('g'.repeat(64)), isHash(`${'a'.repeat(64)}b`)]).toEqual([true, false, false, false])
  })
})

describe('what to verify', () => {
  it('is the whole trail when nothing is chosen', () => {
    expect(wishOf(null, ' ')).toEqual({})
    expect(wishOf(['2026-11-01', '2026-11-27'], '')).toEqual({ from: '2026-11-01', to: '2026-11-27' })
  })

  it('reaches to the end where a head is looked for', () => {
    expect(wishOf(['2026-11-01', '2026-11-27'], ' AB12 ')).toEqual({ from: '2026-11-01', expected: 'ab12' })
    expect(wishOf(null, 'ab12')).toEqual({ expected: 'ab12' })
  })
})

describe('breaks', () => {
  it('stand by day, the earliest first, and what has no time before what has', () => {
    const list = [at('2026-11-02', '2026-11-02T09:00:00Z'), at('2026-11-01', '2026-11-01T08:00:00Z'), at('2026-11-02', null)]
    expect(byDay(list).map(({ day, breaks }) => [day, breaks.map((one) => one.at)])).toEqual([
      ['2026-11-01', ['2026-11-01T08:00:00Z']],
      ['2026-11-02', [null, '2026-11-02T09:00:00Z']],
    ])
    expect(byDay([])).toEqual([])
  })
})
