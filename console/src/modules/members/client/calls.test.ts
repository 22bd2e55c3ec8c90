import { describe, expect, it } from 'vitest'
import { lastHours, sumOf, toneOf, type CallStats } from './calls'

const stats: Pick<CallStats, 'until' | 'hours'> = {
  until: '2026-11-27T10:20:00Z',
  hours: [
    { hour: '2026-11-27T05:00:00.000000Z', ok: 9, refused: 0, failed: 0 },
    { hour: '2026-11-27T08:00:00.000000Z', ok: 5, refused: 2, failed: 1 },
    { hour: '2026-11-27T10:00:00.000000Z', ok: 1, refused: 0, failed: 0 },
  ],
}

describe('the hours of a program', () => {
  it('have no gaps, end with the running one, and leave out what is older', () => {
    const hours = lastHours(stats, 4)
    expect(hours.map((hour) => [Date.parse(hour.hour), hour.ok])).toEqual([7, 8, 9, 10].map((hour) => [Date.UTC(2026, 10, 27, hour), { 8: 5, 10: 1 }[hour] ?? 0]))
    expect(sumOf(hours)).toEqual({ ok: 6, refused: 2, failed: 1 })
  })

  it('are zeros where nothing was ever called', () => {
    expect(sumOf(lastHours({ until: stats.until, hours: [] }, 168))).toEqual({ ok: 0, refused: 0, failed: 0 })
  })
})

describe('a status', () => {
  it('has the tone of its class', () => {
    expect([200, 204, 304, 403, 429, 500, 503].map(toneOf)).toEqual(['ok', 'ok', 'info', 'denied', 'denied', 'failed', 'failed'])
  })
})
