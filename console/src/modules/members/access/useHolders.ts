import { useQuery } from '@tanstack/vue-query'
import { computed, type Ref } from 'vue'
import { asks, grants } from '../grant/api'
import { isWhole } from '../grant/catalogue'
import type { Tuple } from '../grant/types'

/** Who holds a tuple. Holders of the question before are none of this one, so they are not kept until the answer. */
export function useHolders(tuple: Readonly<Ref<Tuple>>) {
  return useQuery({
    queryKey: computed(() => asks.whoCan(tuple.value)),
    queryFn: ({ signal }) => grants.whoCan(tuple.value, signal),
    enabled: computed(() => isWhole(tuple.value)),
  })
}
