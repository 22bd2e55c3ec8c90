import { keepPreviousData, useQuery } from '@tanstack/vue-query'
import { computed, type Ref } from 'vue'
import { keys } from '@/api/keys'
import { toSelection, type ListQuery } from '@/resource/listQuery'
import { deliveries, NAMES } from '../api'
import { DELIVERY_STATES, type DeliveryState } from '../types'

export interface StateCount {
  n: number
  capped: boolean
}

/** How many deliveries there are in each state under the other filters. */
export function useCounts(query: Ref<ListQuery>) {
  const others = computed(() => {
    const { state: _state, sort: _sort, trash: _trash, ...rest } = toSelection(query.value)
    return Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined))
  })
  return useQuery({
    queryKey: computed(() => keys.list(NAMES.delivery, { counts: others.value })),
    placeholderData: keepPreviousData,
    refetchInterval: 10_000,
    queryFn: async ({ signal }) => {
      const counts = await Promise.all(DELIVERY_STATES.map(async (state): Promise<[DeliveryState, StateCount]> => {
        const page = await deliveries.list({ ...others.value, state, page_size: 1 }, signal)
        return [state, { n: page.total ?? 0, capped: page.total_capped ?? false }]
      }))
      return Object.fromEntries(counts) as Record<DeliveryState, StateCount>
    },
  })
}
