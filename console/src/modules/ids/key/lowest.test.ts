import { describe, expect, it } from 'vitest'
import { lowestIn } from './lowest'

const MAX = '9223372036854775807'

describe('the lowest number that a key may be released at', () => {
  it('is the highest that the server names', () => {
    expect(lowestIn('ids up to 7300 may have been given away; release it at 7300 or above', '5000', MAX)).toBe('7300')
    expect(lowestIn('ids up to 9223372036854775000 may have been given away', '5', MAX)).toBe('9223372036854775000')
  })

  it('is never below the ceiling, nor above the limit', () => {
    expect(lowestIn('id 12 was written twice', '5000', MAX)).toBe('5000')
    expect(lowestIn('line 99999 is wrong', '5', '127')).toBe('5')
    expect(lowestIn('', '5', MAX)).toBe('5')
  })

  it('is no part of a time or of a name', () => {
    expect(lowestIn('line 01912345-7abc-7def-8123-456789012345 of 2026-08-01T10:00:00.123456Z says 77', '5', MAX)).toBe('77')
  })
})
