import { describe, expect, it } from 'vitest'
import { between, formatBytes, formatDuration } from './duration'

describe('a duration', () => {
  it.each([
    [0, '0ms'], [340.4, '340ms'], [1000, '1s'], [1240, '1.2s'], [12_400, '12s'], [59_960, '1m'], [200_000, '3m 20s'],
    [3_600_000, '1h'], [7_500_000, '2h 5m'], [97_200_000, '1d 3h'], [-5, '0ms'],
  ])('of %d ms reads %s', (ms, text) => {
    expect(formatDuration(ms, 'en-US')).toBe(text)
  })

  it('has no gap in Chinese, and no words for what is not known', () => {
    expect(formatDuration(200_000, 'zh-CN')).toBe('3分钟20秒')
    expect(formatDuration(340, 'zh-CN')).toBe('340毫秒')
    expect(formatDuration(null, 'zh-CN')).toBe('')
  })

  it('runs until now while there is no end, and never backwards', () => {
    const start = '2026-11-23T10:00:00Z'
    expect(between(start, null, Date.parse(start) + 5000)).toBe(5000)
    expect(between(start, '2026-11-23T10:00:02Z', 0)).toBe(2000)
    expect(between(start, null, Date.parse(start) - 5000)).toBe(0)
    expect(between(null, null, 0)).toBeNull()
  })
})

describe('a size', () => {
  it('is told in the largest unit that leaves a whole', () => {
    expect(formatBytes(0, 'en-US')).toBe('0 bytes')
    expect(formatBytes(1234, 'en-US')).toBe('1.2 kB')
    expect(formatBytes(5_600_000, 'en-US')).toBe('5.6 MB')
  })
})
