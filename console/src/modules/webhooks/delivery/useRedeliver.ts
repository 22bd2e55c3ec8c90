import { useQueryClient } from '@tanstack/vue-query'
import { ref } from 'vue'
import { keys } from '@/api/keys'
import { t } from '@/locales'
import { useCan } from '@/ui/can'
import { attempt } from '@/ui/feedback'
import { deliveries, NAMES } from '../api'
import { P } from '../permissions'
import type { Delivery } from '../types'

/** Sends a message to its endpoint once more: a new round of tries. */
export function useRedeliver() {
  const can = useCan()
  const client = useQueryClient()
  const busy = ref<string | null>(null)
  return {
    busy,
    may: (delivery: Delivery): boolean => can(P.deliveryRedeliver) && delivery.state !== 'pending' && delivery.endpoint_name !== null,
    async redeliver(delivery: Delivery): Promise<void> {
      busy.value = delivery.id
      const done = await attempt(() => deliveries.redeliver(delivery.id), t('webhooks.delivery.again_done'))
      busy.value = null
      if (done) await client.invalidateQueries({ queryKey: keys.resource(NAMES.delivery) })
    },
  }
}
