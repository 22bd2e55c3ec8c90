import { describe, expect, it } from 'vitest'
import { compareBig, countOf, formatBig, formatShare, maxOf, readBig, scaled, shareOf, shortBig, toBig } from './big'

const MOST = '9223372036854775807'

describe('numbers beyond what a plain one holds', () => {
  it('are shown digit for digit', () => {
    expect(formatBig(MOST, 'en-US')).toBe('9,223,372,036,854,775,807')
    expect(formatBig('9007199254740993', 'zh-CN')).toBe('9,007,199,254,740,993')
    expect(formatBig(0n, 'en-US')).toBe('0')
    expect(formatBig('-12', 'en-US')).toBe('-12')
    expect(formatBig(null, 'en-US')).toBe('')
    expect(formatBig('01HXY', 'en-US')).toBe('01HXY')
  })

  it('are read as people write them', () => {
    expect(readBig(' 9,223,372 036_854\u00a0775,807 ')).toBe(MOST)
    expect(readBig('007')).toBe('7')
    for (const wrong of ['', '-1', '1e9', '12a', '1.5', '99999999999999999999']) expect(readBig(wrong)).toBeNull()
  })

  it('are told from what is no number', () => {
    expect(toBig('17')).toBe(17n)
    for (const wrong of ['', ' ', '1.5', 'x', null, undefined]) expect(toBig(wrong)).toBeNull()
  })

  it('are compared and counted exactly', () => {
    expect(compareBig('9007199254740993', '9007199254740992')).toBe(1)
    expect(['10', '9', MOST].sort(compareBig)).toEqual(['9', '10', MOST])
    expect(countOf('9007199254740992', '9007199254740993')).toBe(2n)
    expect(countOf('5', '5')).toBe(1n)
    expect(countOf('6', '5')).toBe(0n)
  })

  it('have short forms where there is no room', () => {
    expect(shortBig('9999', 'en-US')).toBe('9,999')
    expect(shortBig('1234567', 'en-US')).toBe('1.2M')
    expect(shortBig('12345678', 'zh-CN')).toBe('1234.6万')
    expect(shortBig(MOST, 'en-US')).toBe('9.2E18')
  })
})

describe('types of columns', () => {
  it('end where their SQL does', () => {
    expect(maxOf('i32')).toBe(2_147_483_647n)
    expect(maxOf('u32')).toBe(4_294_967_295n)
    expect(maxOf('i53')).toBe(BigInt(Number.MAX_SAFE_INTEGER))
    expect(maxOf('u64')).toBe(maxOf('i64'))
  })
})

describe('shares', () => {
  it('are exact enough to draw', () => {
    expect(shareOf(1n, 4n)).toBe(0.25)
    expect(shareOf(BigInt(MOST), BigInt(MOST))).toBe(1)
    expect(shareOf(5n, 0n)).toBe(0)
  })

  it('never round something to nothing, nor almost all to all', () => {
    expect(formatShare(0, 'en-US')).toBe('0%')
    expect(formatShare(1e-12, 'en-US')).toBe('< 0.001%')
    expect(formatShare(0.0004, 'en-US')).toBe('0.04%')
    expect(formatShare(0.071, 'en-US')).toBe('7.1%')
    expect(formatShare(0.634, 'en-US')).toBe('63%')
    expect(formatShare(0.9999999, 'en-US')).toBe('> 99.9%')
    expect(formatShare(1, 'en-US')).toBe('100%')
  })
})

describe('values of a chart', () => {
  it('are the numbers themselves while they are small', () => {
    const { values, back } = scaled(['0', '12', '9007199254740991'])
    expect(values).toEqual([0, 12, 9007199254740991])
    expect(back(12)).toBe(12n)
  })

  it('keep their size when they are not', () => {
    const { values, back } = scaled([MOST, '5'])
    expect(values.every(Number.isSafeInteger)).toBe(true)
    expect(back(values[0] ?? 0).toString()).toMatch(/^922337203685477\d{4}$/)
  })
})
