import { describe, expect, it } from 'vitest'
import { BACK, bodyOf, hoursBack, problemOf } from './replay'

const NOW = Date.parse('2026-11-27T10:00:00Z')
const at = (hours: number): string => hoursBack(hours, NOW)

describe('the time of a replay', () => {
  it('has to begin, within what is kept and before now, and to end after that', () => {
    expect(problemOf({ since: null, until: null }, NOW)).toBe('missing')
    expect(problemOf({ since: at(31 * 24), until: null }, NOW)).toBe('too_old')
    expect(problemOf({ since: at(-1), until: null }, NOW)).toBe('future')
    expect(problemOf({ since: at(2), until: at(2) }, NOW)).toBe('order')
    expect(problemOf({ since: at(2), until: at(1) }, NOW)).toBeNull()
  })

  it('is right for every ready-made beginning', () => {
    for (const hours of BACK) expect(problemOf({ since: at(hours), until: null }, NOW)).toBeNull()
  })
})

describe('what is asked for', () => {
  it('leaves out what was left open', () => {
    expect(bodyOf({ since: at(1), until: null, event_types: [], only_failed: false })).toEqual({ since: '2026-11-27T09:00:00.000Z' })
    expect(bodyOf({ since: at(2), until: at(1), event_types: ['ping'], only_failed: true })).toEqual({ since: '2026-11-27T08:00:00.000Z', until: '2026-11-27T09:00:00.000Z', event_types: ['ping'], only_failed: true })
  })
})
