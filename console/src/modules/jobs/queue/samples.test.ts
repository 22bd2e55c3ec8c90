import { beforeEach, describe, expect, it } from 'vitest'
import type { QueueState } from '@/api/jobs'
import { forgetSamples, remember, samplesOf } from './samples'

const queue = (name: string, ready: number): QueueState => ({ name, paused: false, scheduled: 0, ready, running: 0, failed: 0, dead: 0, oldest_ready_seconds: null, finished_per_minute: 5, failure_rate: 0.1, wait_p50_ms: 1, wait_p95_ms: null })

describe('what has been seen of a queue', () => {
  beforeEach(forgetSamples)

  it('is kept per queue, once for each answer', () => {
    remember([queue('a', 1), queue('b', 9)], 1)
    remember([queue('a', 1)], 1)
    remember([queue('a', 2)], 2)
    expect(samplesOf('a').map((s) => s.depth)).toEqual([1, 2])
    expect(samplesOf('b').map((s) => s.depth)).toEqual([9])
    expect(samplesOf('c')).toEqual([])
  })

  it('does not grow without end', () => {
    for (let at = 0; at < 500; at++) remember([queue('a', at)], at)
    expect(samplesOf('a')).toHaveLength(120)
    expect(samplesOf('a').at(-1)?.depth).toBe(499)
  })
})
