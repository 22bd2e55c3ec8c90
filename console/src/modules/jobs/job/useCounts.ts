import { keepPreviousData, useQuery } from '@tanstack/vue-query'
import { computed, type Ref } from 'vue'
import { JOB_STATES, jobs, type JobState, type JobStats } from '@/api/jobs'
import { keys } from '@/api/keys'
import { toSelection, type ListQuery } from '@/resource/listQuery'

export interface StateCount {
  n: number
  capped: boolean
}

/** The only filter that the statistics apply to what stands now. */
const CHEAP = new Set(['queue'])

/** How many jobs there are in each state under the other filters. The statistics know most of it while nothing but a queue is chosen. */
export function useCounts(query: Ref<ListQuery>) {
  const others = computed(() => {
    const { state: _state, sort: _sort, trash: _trash, ...rest } = toSelection(query.value)
    return Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined))
  })
  return useQuery({
    queryKey: computed(() => keys.list('jobs.job', { counts: others.value })),
    placeholderData: keepPreviousData,
    refetchInterval: 15_000,
    staleTime: 5000,
    queryFn: async ({ signal }) => {
      const cheap = Object.keys(others.value).every((name) => CHEAP.has(name))
      const now: Partial<JobStats['now']> = cheap ? (await jobs.stats({ ...others.value, hours: 24 }, signal)).now : {}
      const counts = await Promise.all(JOB_STATES.map(async (state): Promise<[JobState, StateCount]> => {
        const known = (now as Partial<Record<JobState, number>>)[state]
        if (known !== undefined) return [state, { n: known, capped: false }]
        const page = await jobs.list({ ...others.value, state, page_size: 1 }, signal)
        return [state, { n: page.total ?? 0, capped: page.total_capped ?? false }]
      }))
      return Object.fromEntries(counts) as Record<JobState, StateCount>
    },
  })
}
