import type { Big, IdType } from '../types'

/** The highest id of each type of column; ids are counted in 63 bits, so `u64` ends where `i64` does. */
const BITS: Record<IdType, bigint> = { i8: 7n, u8: 8n, i16: 15n, u16: 16n, i24: 23n, u24: 24n, i32: 31n, u32: 32n, i53: 53n, i64: 63n, u64: 63n }
export const maxOf = (type: IdType): bigint => (1n << BITS[type]) - 1n

/** What SQL calls the type; not words of a language. */
export const SQL_NAMES: Record<IdType, string> = {
  i8: 'TINYINT', u8: 'TINYINT UNSIGNED', i16: 'SMALLINT', u16: 'SMALLINT UNSIGNED', i24: 'MEDIUMINT', u24: 'MEDIUMINT UNSIGNED',
  i32: 'INTEGER', u32: 'INTEGER UNSIGNED', i53: 'BIGINT ≤ 2⁵³', i64: 'BIGINT', u64: 'BIGINT UNSIGNED',
}

/** Null for what is no whole number. */
export function toBig(text: Big | null | undefined): bigint | null {
  const digits = (text ?? '').trim()
  return /^-?\d+$/.test(digits) ? BigInt(digits) : null
}

/** What somebody typed or pasted, without the signs that people group digits by: `9,007 199_254` → `9007199254`. */
export function readBig(typed: string): Big | null {
  const digits = typed.replace(/[\s,_'，]/g, '')
  return /^\d{1,19}$/.test(digits) ? BigInt(digits).toString() : null
}

export function formatBig(value: Big | bigint | null | undefined, locale: string): string {
  const number = typeof value === 'bigint' ? value : toBig(value)
  if (number === null) return value === null || value === undefined ? '' : String(value)
  return new Intl.NumberFormat(locale).format(number)
}

/** `9.2E`-like short forms, for axes and narrow cells; exact below ten thousand. */
export function shortBig(value: Big | bigint, locale: string): string {
  const number = typeof value === 'bigint' ? value : toBig(value)
  if (number === null) return String(value)
  if (number < 10_000n) return formatBig(number, locale)
  return new Intl.NumberFormat(locale, { notation: number < 1_000_000_000_000_000n ? 'compact' : 'scientific', maximumFractionDigits: 1 }).format(number)
}

export function compareBig(a: Big, b: Big): number {
  const [x, y] = [toBig(a) ?? 0n, toBig(b) ?? 0n]
  return x < y ? -1 : x > y ? 1 : 0
}

/** How many ids from the first to the last, both counted. */
export function countOf(start: Big, end: Big): bigint {
  const [first, last] = [toBig(start), toBig(end)]
  return first === null || last === null || last < first ? 0n : last - first + 1n
}

/** `part` of `whole` as a plain number from 0 to 1, exact to a billionth. */
export function shareOf(part: bigint, whole: bigint): number {
  const FINE = 1_000_000_000n
  return whole <= 0n ? 0 : Number((part * FINE) / whole) / 1_000_000_000
}

/**
 * Numbers for a chart, which draws in plain ones, and the way back to what they stand for: all are divided by the
 * same power of ten, so that the largest stays within what is exact.
 */
export function scaled(texts: Big[]): { values: number[]; back: (value: number) => bigint } {
  const bigs = texts.map((text) => toBig(text) ?? 0n)
  const top = bigs.reduce((most, one) => (one > most ? one : most), 0n)
  let unit = 1n
  while (top / unit > BigInt(Number.MAX_SAFE_INTEGER)) unit *= 10n
  return { values: bigs.map((one) => Number(one / unit)), back: (value) => BigInt(Math.round(value)) * unit }
}

/** `63 %`, `0.004 %`, `< 0.001 %`: a share that is not nothing is never shown as nothing, and one below all never as all. */
export function formatShare(share: number, locale: string): string {
  const format = (value: number, digits: number): string => new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: digits }).format(value)
  if (share > 0 && share < 0.00001) return `< ${format(0.00001, 3)}`
  if (share < 1 && share > 0.999) return `> ${format(0.999, 1)}`
  return format(share, share < 0.001 ? 3 : share < 0.1 ? 1 : 0)
}
