import { useQuery } from '@tanstack/vue-query'
import { computed, toValue, type MaybeRefOrGetter } from 'vue'
import { http } from '@/api/client'
import { keys } from '@/api/keys'
import type { Page } from '@/api/types'

const PAGES = 10

/** Every record of a small resource (departments, roles, posts): for pickers and trees, up to 2,000. */
export function useAll<T>(name: string, path: string, options: { sort?: string; enabled?: MaybeRefOrGetter<boolean> } = {}) {
  return useQuery({
    queryKey: keys.all(name),
    enabled: computed(() => toValue(options.enabled) ?? true),
    queryFn: async ({ signal }) => {
      const items: T[] = []
      for (let page = 1; page <= PAGES; page++) {
        const answer = await http.get<Page<T>>(path, { page, page_size: 200, sort: options.sort }, signal)
        items.push(...answer.items)
        if (answer.items.length < 200) break
      }
      return items
    },
  })
}
