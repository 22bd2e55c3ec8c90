import { describe, expect, it } from 'vitest'
import type { Try } from '../types'
import { roundOf } from './round'

const tried = (error: Try['error']): Try => ({ at: '', number: 1, status: error ? 500 : 200, duration_ms: 1, error, detail: null, response: null })
const [good, bad] = [tried(null), tried('status')]

describe('the tries of a round', () => {
  it('are marked as they ended, with the one that comes next', () => {
    expect(roundOf({ state: 'pending', attempts: 2, tries: [bad, bad] }, 4)).toEqual(['lost', 'lost', 'next', 'open'])
    expect(roundOf({ state: 'pending', attempts: 0, tries: [] }, 3)).toEqual(['next', 'open', 'open'])
  })

  it('end with the one that succeeded', () => {
    expect(roundOf({ state: 'delivered', attempts: 2, tries: [bad, good] }, 4)).toEqual(['lost', 'good', 'spared', 'spared'])
  })

  it('leave out those of the rounds before', () => {
    expect(roundOf({ state: 'delivered', attempts: 1, tries: [bad, bad, bad, good] }, 3)).toEqual(['good', 'spared', 'spared'])
    expect(roundOf({ state: 'pending', attempts: 0, tries: [bad, bad, bad] }, 2)).toEqual(['next', 'open'])
  })

  it('are all failures when the round is spent, even those that are told no more', () => {
    expect(roundOf({ state: 'failed', attempts: 3, tries: [bad] }, 3)).toEqual(['lost', 'lost', 'lost'])
  })
})
