import type { QueueState } from '@/api/jobs'

export interface Sample {
  at: number
  depth: number
  rate: number
  wait: number | null
  failing: number
}

const KEPT = 120
const series = new Map<string, Sample[]>()

/** What has been seen of each queue while this page was open: the server tells only the present. */
export function remember(queues: QueueState[], at: number): void {
  for (const queue of queues) {
    const list = series.get(queue.name) ?? []
    if (list.at(-1)?.at === at) continue
    series.set(queue.name, [...list, { at, depth: queue.ready, rate: queue.finished_per_minute, wait: queue.wait_p95_ms, failing: queue.failure_rate }].slice(-KEPT))
  }
}

export function samplesOf(name: string): Sample[] {
  return series.get(name) ?? []
}

export function forgetSamples(): void {
  series.clear()
}
