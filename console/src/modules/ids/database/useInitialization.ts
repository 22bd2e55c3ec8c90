import { useQuery, useQueryClient } from '@tanstack/vue-query'
import { computed, watch } from 'vue'
import { ApiError } from '@/api/errors'
import { isOver } from '@/api/jobs'
import { asks, databases } from '../api'
import type { Initialization } from '../types'

const POLL = 700

/** The newest initialization of a database, watched until it is over; null when there was none. */
export function useInitialization(id: string) {
  const client = useQueryClient()
  const query = useQuery<Initialization | null>({
    queryKey: asks.initialization(id),
    queryFn: async () => {
      try {
        return await databases.initialization(id)
      } catch (error) {
        if (error instanceof ApiError && error.status === 404) return null
        throw error
      }
    },
    staleTime: 0,
    refetchInterval: (self) => (self.state.data && !isOver(self.state.data) ? POLL : false),
  })
  const it = computed(() => query.data.value ?? null)
  const running = computed(() => it.value !== null && !isOver(it.value))
  watch(running, (now, before) => {
    if (!before || now) return
    // Keys were made and tables decided: whoever lists them must look again.
    for (const queryKey of [asks.keys, asks.tables]) void client.invalidateQueries({ queryKey })
    void client.invalidateQueries({ queryKey: asks.databases, exact: true })
  })
  async function start(): Promise<void> {
    client.setQueryData(asks.initialization(id), await databases.initialize(id))
  }
  return { query, it, running, start }
}
