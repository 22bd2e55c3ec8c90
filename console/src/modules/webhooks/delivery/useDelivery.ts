import { useQuery } from '@tanstack/vue-query'
import { computed, toValue, type MaybeRefOrGetter } from 'vue'
import { keys } from '@/api/keys'
import { deliveries, NAMES } from '../api'
import type { DeliveryRecord } from '../types'
import { lookAgain } from './live'

/** One delivery as it goes on: asked for closely about its next try, and no more once it is over. */
export function useDelivery(id: MaybeRefOrGetter<string | null>) {
  const query = useQuery<DeliveryRecord>({
    queryKey: computed(() => keys.record(NAMES.delivery, toValue(id) ?? '')),
    queryFn: ({ signal }) => deliveries.get(toValue(id) ?? '', signal),
    enabled: computed(() => toValue(id) !== null),
    staleTime: 0,
    refetchOnMount: 'always',
    refetchInterval: (one) => lookAgain(one.state.data, Date.now()),
  })
  const delivery = computed<DeliveryRecord | null>(() => query.data.value ?? null)
  const waiting = computed(() => delivery.value?.state === 'pending')
  return { query, delivery, waiting }
}
