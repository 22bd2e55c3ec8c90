import type { Delivery } from '../types'

const SECOND = 1000
/** How long before a try it is looked at closely. */
const SOON = 5 * SECOND

type Waiting = Pick<Delivery, 'state' | 'next_at'>

/** How long to wait before one delivery is asked for again, in milliseconds; false when nothing more will happen by itself. */
export function lookAgain(delivery: Waiting | null | undefined, now: number): number | false {
  if (!delivery || delivery.state !== 'pending') return false
  const left = delivery.next_at ? Date.parse(delivery.next_at) - now : 0
  if (left <= SOON) return SECOND
  // The clocks of two machines differ, so it is not slept through to the very moment.
  return Math.min(left - SOON + SECOND, 30 * SECOND)
}

/** The same for a list: as often as the first of it needs, and now and then for what comes new. */
export function lookAtListAgain(rows: readonly Waiting[], now: number): number {
  const waits = rows.map((row) => lookAgain(row, now)).filter((wait) => wait !== false)
  return Math.max(2 * SECOND, Math.min(10 * SECOND, ...waits))
}
