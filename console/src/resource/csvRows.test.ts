import { describe, expect, it } from 'vitest'
import { csvRows, looksLong } from './csvRows'

const rows = (text: string) => csvRows(new Blob([text]))

describe('the rows of a CSV file', () => {
  it('are its records without the head', async () => {
    expect(await rows('code,name\na,A\nb,B\n')).toBe(2)
    expect(await rows('code,name\r\na,A\r\nb,B')).toBe(2)
    expect(await rows('code,name')).toBe(0)
    expect(await rows('')).toBe(0)
  })

  it('are not ended by a line end in quotes, nor counted when empty', async () => {
    expect(await rows('code,name\na,"two\nlines"\n\n"b ""quoted""",B\n\n')).toBe(2)
  })

  it('decide whether a request can carry them', () => {
    const file = (size: number) => ({ size }) as File
    expect(looksLong(file(9), 5000)).toBe(false)
    expect(looksLong(file(9), 5001)).toBe(true)
    expect(looksLong(file(1_000_000), null)).toBe(true)
    expect(looksLong(file(10_000), null)).toBe(false)
  })
})
