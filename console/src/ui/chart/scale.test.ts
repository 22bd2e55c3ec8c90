import { describe, expect, it } from 'vitest'
import { countTicks, durationTicks, labelled, segments } from './scale'

describe('grid lines', () => {
  it('stand at round numbers and cover the largest value', () => {
    expect(countTicks(0)).toEqual([0, 1])
    expect(countTicks(3)).toEqual([0, 1, 2, 3])
    expect(countTicks(87)).toEqual([0, 50, 100])
    expect(countTicks(1900)).toEqual([0, 500, 1000, 1500, 2000])
  })

  it('stand at seconds and minutes where time is measured', () => {
    expect(durationTicks(380)).toEqual([0, 100, 200, 300, 400])
    expect(durationTicks(7200)).toEqual([0, 2000, 4000, 6000, 8000])
    expect(durationTicks(200_000)).toEqual([0, 60_000, 120_000, 180_000, 240_000])
    expect(durationTicks(400 * 3_600_000).at(-1)).toBeGreaterThanOrEqual(400 * 3_600_000)
  })
})

describe('labels under the bars', () => {
  it('are as many as fit', () => {
    expect(labelled(24, 480, 60)).toEqual([0, 3, 6, 9, 12, 15, 18, 21])
    expect(labelled(3, 900, 60)).toEqual([0, 1, 2])
    expect(labelled(60, 30, 60)).toEqual([0])
  })
})

describe('a line', () => {
  it('breaks where nothing was measured', () => {
    expect(segments([[0, 1], [1, 2], null, [3, 4], null])).toEqual([[[0, 1], [1, 2]], [[3, 4]]])
    expect(segments([])).toEqual([])
  })
})
