import type { DeliveryRecord } from '../types'

export type Mark = 'good' | 'lost' | 'next' | 'open' | 'spared'

/** The tries of the present round, one mark for each that there may be. Tries of rounds before it are not in it. */
export function roundOf(delivery: Pick<DeliveryRecord, 'state' | 'attempts' | 'tries'>, most: number): Mark[] {
  const done = delivery.attempts === 0 ? [] : delivery.tries.slice(-delivery.attempts)
  return Array.from({ length: most }, (_, index): Mark => {
    if (index < delivery.attempts) {
      // Tries that are told no more have failed, or there would have been none after them.
      const one = done[index - (delivery.attempts - done.length)]
      return one && one.error === null ? 'good' : 'lost'
    }
    if (delivery.state !== 'pending') return 'spared'
    return index === delivery.attempts ? 'next' : 'open'
  })
}
