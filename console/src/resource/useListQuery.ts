import { computed } from 'vue'
import { useRoute, useRouter } from 'vue-router'
import { usePreferences } from '@/stores/preferences'
import { fromRoute, toRoute, type ListQuery, type RouteQuery } from './listQuery'

/** The list's state is the address: it can be shared, bookmarked, and the back button undoes a filter. */
export function useListQuery(name: string, options: { sort?: string; pageSize?: number } = {}) {
  const route = useRoute()
  const router = useRouter()
  const preferences = usePreferences()
  const defaults = computed(() => ({ pageSize: preferences.tables[name]?.pageSize ?? options.pageSize ?? 20, sort: options.sort }))
  const query = computed(() => fromRoute(route.query as RouteQuery, defaults.value))

  function set(change: Partial<ListQuery>): void {
    const resets = change.page === undefined ? { page: 1 } : {}
    const next = { ...query.value, ...resets, ...change }
    if (change.pageSize) preferences.setTable(name, { pageSize: change.pageSize })
    const kept = Object.fromEntries(['tab'].flatMap((key) => (route.query[key] ? [[key, route.query[key]]] : [])))
    void router.replace({ query: { ...toRoute(next, defaults.value), ...kept } })
  }

  const record = computed(() => (typeof route.query['record'] === 'string' ? route.query['record'] : null))
  function open(id: string | null): void {
    const { record: _gone, ...rest } = route.query
    void router.push({ query: id ? { ...rest, record: id } : rest })
  }
  return { query, set, record, open }
}
