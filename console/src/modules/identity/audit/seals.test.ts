import { describe, expect, it } from 'vitest'
import { byDay, goOn, isHash, joined, MOST_BREAKS, shortHash, standing, standingHere, wishOf, type LookEntry, type Report, type SealBreak } from './seals'

const at = (day: string, time: string | null): SealBreak => ({ day, at: time, entry_id: null, kind: 'changed', detail: '' })
const report = (more: Partial<Report>): Report => ({ sound: true, days: 1, entries: 10, pruned_days: 0, unsealed: null, head: 'a', breaks: [], late: [], next: null, ...more })

describe('a look in several parts', () => {
  it('adds up, is sound only as a whole, and ends as its last part ends', () => {
    const first = report({ days: 30, entries: 900, pruned_days: 3, next: '2026-10-03', sound: false, breaks: [at('2026-09-10', null)] })
    const whole = joined(joined(null, first), report({ days: 5, entries: 20, unsealed: 2, head: 'b' }))
    expect(whole).toEqual({ sound: false, days: 35, entries: 920, pruned_days: 3, unsealed: 2, head: 'b', breaks: [at('2026-09-10', null)], late: [], next: null })
  })

  it('counts days that were sealed late once, also where a part ends within one', () => {
    const late = (day: string, entries: number) => ({ day, sealed_at: `${day}T09:00:00Z`, entries })
    const first = report({ late: [late('2026-10-01', 2), late('2026-10-03', 5)], next: '2026-10-03:12345' })
    const whole = joined(first, report({ late: [late('2026-10-03', 4), late('2026-10-09', 1)] }))
    expect(whole.late).toEqual([late('2026-10-01', 2), late('2026-10-03', 9), late('2026-10-09', 1)])
    expect(joined(report({}), first).late).toEqual(first.late)
  })

  it('tells no more breaks than one part does', () => {
    const many = report({ breaks: Array.from({ length: 80 }, () => at('2026-09-10', null)) })
    expect(joined(many, many).breaks).toHaveLength(MOST_BREAKS)
  })

  it('goes on where the server says, with the rest of the wish, and never in a circle', () => {
    expect(goOn({ to: '2026-11-27' }, report({ next: '2026-10-03' }))).toEqual({ from: '2026-10-03', to: '2026-11-27' })
    expect(goOn({ from: '2026-10-03' }, report({ next: '2026-10-03:12345' }))).toEqual({ from: '2026-10-03:12345' })
    expect(goOn({ from: '2026-10-03' }, report({ next: '2026-10-03' }))).toBeNull()
    expect(goOn({}, report({}))).toBeNull()
  })
})

describe('how the trail stands', () => {
  let count = 0
  const look = (outcome: 'ok' | 'failed', from: string | null = null, next: string | null = null, to: string | null = null): LookEntry => {
    const time = `2026-11-27T08:${String(count++).padStart(2, '0')}:00Z`
    return { id: `id${time}`, at: time, outcome, changes: { from: { before: null, after: from }, to: { before: null, after: to }, next: { before: null, after: next } } }
  }
  /** The newest first, as a list comes. */
  const state = (...looks: LookEntry[]) => standing([...looks].reverse()).state

  it('is unknown until somebody has looked', () => {
    expect(standing([])).toEqual({ state: 'unknown', at: null })
  })

  it('is sound by a look at all of it, in one part or in several that go on from each other', () => {
    const whole = look('ok')
    expect(standing([whole])).toEqual({ state: 'sound', at: whole.at })
    expect(state(look('ok', null, '2026-10-03:7'), look('ok', '2026-10-03:7', '2026-11-01:9'), look('ok', '2026-11-01:9'))).toBe('sound')
  })

  it('is not sound by a look at some days, or by one that did not reach the end', () => {
    expect(state(look('ok', '2026-11-01', null, '2026-11-02'))).toBe('unknown')
    expect(state(look('ok', null, null, '2026-11-02'))).toBe('unknown')
    expect(state(look('ok', '2026-11-01'))).toBe('unknown')
    expect(state(look('ok', null, '2026-10-03:7'))).toBe('unknown')
    expect(state(look('ok', null, '2026-10-03:7'), look('ok', '2026-10-04'))).toBe('unknown')
  })

  it('stays broken when something else is looked at, and when what was begun before the break ends well', () => {
    expect(state(look('ok'), look('failed'), look('ok', '2026-11-01', null, '2026-11-02'))).toBe('broken')
    expect(state(look('failed', null, '2026-10-03:7'), look('ok', '2026-10-03:7'))).toBe('broken')
    expect(state(look('ok', null, '2026-10-03:7'), look('failed', '2026-11-01', null, '2026-11-02'), look('ok', '2026-10-03:7'))).toBe('broken')
    expect(state(look('failed'), look('ok'))).toBe('sound')
  })

  it('takes no entry for a whole look that does not tell at what', () => {
    expect(standing([{ ...look('ok'), changes: { entries: { before: null, after: 9 } } }]).state).toBe('unknown')
    expect(standing([{ ...look('failed'), changes: null }]).state).toBe('broken')
  })

  it('is broken at once by what was found here, and sound only by what stands in the trail', () => {
    const here = (sound: boolean) => ({ at: '2026-11-27T09:00:00Z', report: { sound } })
    expect(standingHere(here(false), [look('ok')])).toEqual({ state: 'broken', at: '2026-11-27T09:00:00Z' })
    expect([standingHere(here(true), []).state, standingHere(here(true), [look('failed')]).state, standingHere(null, [look('ok')]).state]).toEqual(['unknown', 'broken', 'sound'])
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
