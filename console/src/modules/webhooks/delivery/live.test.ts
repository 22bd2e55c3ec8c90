import { describe, expect, it } from 'vitest'
import { lookAgain, lookAtListAgain } from './live'

const NOW = Date.parse('2026-11-27T10:00:00Z')
const due = (seconds: number | null) => ({ state: 'pending' as const, next_at: seconds === null ? null : new Date(NOW + seconds * 1000).toISOString() })

describe('one delivery', () => {
  it('is asked for no more once it is over', () => {
    for (const state of ['delivered', 'failed', 'held'] as const) expect(lookAgain({ state, next_at: null }, NOW)).toBe(false)
    expect(lookAgain(null, NOW)).toBe(false)
  })

  it('is asked for each second about the time of its try', () => {
    for (const seconds of [null, -60, 0, 5]) expect(lookAgain(due(seconds), NOW)).toBe(1000)
  })

  it('is left alone until shortly before its next try, though never for long', () => {
    expect(lookAgain(due(20), NOW)).toBe(16_000)
    expect(lookAgain(due(7200), NOW)).toBe(30_000)
  })
})

describe('a list', () => {
  it('is asked for as often as the first of its rows needs, within bounds', () => {
    expect(lookAtListAgain([due(20), due(0)], NOW)).toBe(2000)
    expect(lookAtListAgain([due(8)], NOW)).toBe(4000)
    expect(lookAtListAgain([{ state: 'delivered', next_at: null }, due(7200)], NOW)).toBe(10_000)
    expect(lookAtListAgain([], NOW)).toBe(10_000)
  })
})
