import { describe, expect, it } from 'vitest'
import { allZones, fromWall, isZone, offsetText, toWall } from './zoned'

describe('a wall time', () => {
  it.each([
    ['2026-11-23T02:00:00', 'Asia/Shanghai', '2026-11-22T18:00:00.000Z'],
    ['2026-07-01T12:00:00', 'Europe/Berlin', '2026-07-01T10:00:00.000Z'],
    ['2026-01-01T12:00:00', 'Europe/Berlin', '2026-01-01T11:00:00.000Z'],
    ['2026-01-01T00:00:00', 'UTC', '2026-01-01T00:00:00.000Z'],
    ['2026-06-01T09:30:00', 'Asia/Kathmandu', '2026-06-01T03:45:00.000Z'],
  ])('%s in %s is %s, and back', (wall, zone, iso) => {
    expect(fromWall(wall, zone)).toBe(iso)
    expect(toWall(iso, zone)).toBe(wall)
  })

  it('that the clocks show twice is the earlier moment', () => {
    expect(fromWall('2026-10-25T02:30:00', 'Europe/Berlin')).toBe('2026-10-25T00:30:00.000Z')
    expect(fromWall('2026-11-01T01:30:00', 'America/New_York')).toBe('2026-11-01T05:30:00.000Z')
  })

  it('that the clocks skip is after the gap', () => {
    expect(toWall(fromWall('2026-03-29T02:30:00', 'Europe/Berlin'), 'Europe/Berlin')).toBe('2026-03-29T03:30:00')
    expect(toWall(fromWall('2026-03-08T02:30:00', 'America/New_York'), 'America/New_York')).toBe('2026-03-08T03:30:00')
  })

  it('that is none stays none', () => {
    expect(fromWall(null, 'UTC')).toBeNull()
    expect(fromWall('tomorrow', 'UTC')).toBeNull()
    expect(toWall('', 'UTC')).toBeNull()
  })
})

describe('zones', () => {
  it('are told by their offset', () => {
    const summer = Date.parse('2026-07-01T00:00:00Z')
    expect(offsetText(summer, 'Asia/Shanghai')).toBe('UTC+08:00')
    expect(offsetText(summer, 'America/St_Johns')).toBe('UTC−02:30')
    expect(offsetText(summer, 'UTC')).toBe('UTC+00:00')
  })

  it('are known or not', () => {
    expect(isZone('Europe/Berlin')).toBe(true)
    expect(isZone('Mars/Olympus')).toBe(false)
    expect(allZones()[0]).toBe('UTC')
  })
})
