import { describe, expect, it } from 'vitest'
import { forecastOf, projection, timeWords } from './forecast'

const now = Date.parse('2026-08-01T00:00:00Z')
const at = (ms: number): string => new Date(now + ms).toISOString()
const DAY = 86_400_000
const key = (o: Partial<Parameters<typeof forecastOf>[0]>) => ({ state: 'active' as const, remaining: '10', per_day: '5', full_at: null, low: false, ...o })

describe('when a key will be full', () => {
  it('is said in the largest unit that is fair', () => {
    expect(forecastOf(key({ full_at: at(41 * DAY) }), now)).toEqual({ kind: 'in', n: 41, unit: 'day', soon: false })
    expect(forecastOf(key({ full_at: at(4 * 3_600_000) }), now)).toEqual({ kind: 'in', n: 4, unit: 'hour', soon: true })
    expect(forecastOf(key({ full_at: at(20_000) }), now)).toEqual({ kind: 'in', n: 1, unit: 'minute', soon: true })
    expect(forecastOf(key({ full_at: at(500 * DAY) }), now)).toMatchObject({ n: 16, unit: 'month' })
    expect(forecastOf(key({ full_at: at(365_000 * DAY) }), now)).toMatchObject({ n: 999, unit: 'year', soon: false })
  })

  it('is said differently when there is no such moment', () => {
    expect(forecastOf(key({ remaining: '0' }), now).kind).toBe('full')
    expect(forecastOf(key({ state: 'exhausted' }), now).kind).toBe('full')
    expect(forecastOf(key({ state: 'retired' }), now).kind).toBe('retired')
    expect(forecastOf(key({ per_day: null }), now).kind).toBe('unknown')
    expect(forecastOf(key({ per_day: '0' }), now).kind).toBe('still')
    expect(forecastOf(key({}), now).kind).toBe('never')
  })

  it('has words in both languages', () => {
    expect(timeWords(41, 'day', 'en-US')).toBe('41 days')
    expect(timeWords(4, 'hour', 'zh-CN')).toBe('4小时')
  })
})

describe('the line into the future', () => {
  it('ends a little after the limit', () => {
    const line = projection(0.5, at(100 * DAY), 0.005, now)
    expect(line?.full).toBe(now + 100 * DAY)
    expect(line?.points).toHaveLength(3)
    expect(line?.to).toBeGreaterThan(now + 100 * DAY)
  })

  it('shows a year when the end is far or unknown', () => {
    expect(projection(0, at(900 * 365 * DAY), 1e-6, now)?.full).toBeNull()
    expect(projection(0.1, null, 1e-6, now)?.points.at(-1)?.share).toBeCloseTo(0.1004, 3)
  })

  it('is none while nothing is drawn', () => {
    expect(projection(0.1, null, 0, now)).toBeNull()
  })
})
