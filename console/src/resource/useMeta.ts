import { useQuery } from '@tanstack/vue-query'
import { computed } from 'vue'
import { http } from '@/api/client'
import { keys } from '@/api/keys'
import type { MetaColumn, ResourceMeta } from '@/api/types'

export function useMeta(name: string, fallback: MetaColumn[] = []) {
  const query = useQuery({
    queryKey: keys.meta,
    queryFn: async () => (await http.get<{ resources: ResourceMeta[] }>('/api/meta/')).resources,
    staleTime: 30 * 60_000,
  })
  const meta = computed(() => query.data.value?.find((resource) => resource.name === name) ?? null)
  // A list without a description still works; it only loses its typed filters.
  const columns = computed<MetaColumn[]>(() => meta.value?.columns ?? fallback)
  return { meta, columns }
}
