import { computed, ref, watch } from 'vue'
import { usePreferences, type Density } from '@/stores/preferences'
import type { ListQuery } from './listQuery'
import { nextSort } from './listQuery'
import type { DataColumn, ResourceDefinition, Row } from './types'
import { useListQuery } from './useListQuery'
import { useMeta } from './useMeta'
import { useResource } from './useResource'

/** Everything a table page holds: query, rows, columns, selection. */
export function useTable<T extends Row>(definition: ResourceDefinition<T>) {
  const preferences = usePreferences()
  const resource = useResource(definition)
  const { query, set, record, open } = useListQuery(definition.name, { sort: definition.defaultSort, pageSize: definition.pageSize })
  const { meta, columns: metaColumns } = useMeta(definition.name, definition.filters)
  const list = resource.useList(query)

  const rows = computed<T[]>(() => list.data.value?.items ?? [])
  const hidden = computed(() => preferences.tables[definition.name]?.hidden ?? definition.columns.filter((c) => c.hidden).map((c) => c.key as string))
  const density = computed<Density>(() => preferences.tables[definition.name]?.density ?? 'default')
  const columns = computed(() => definition.columns.filter((c) => c.primary || !hidden.value.includes(c.key)))

  const selected = ref<string[]>([])
  const everything = ref(false)
  watch(query, () => { selected.value = []; everything.value = false })
  watch(selected, () => { everything.value = false })

  function sortable(column: DataColumn<T>): boolean {
    if (column.sort === false) return false
    const field = column.sort || column.key
    return metaColumns.value.some((c) => c.name === field && c.sort)
  }
  const sortBy = (field: string, add: boolean): void => set({ sort: nextSort(query.value.sort, field, add) })
  const searchable = computed(() => metaColumns.value.length === 0 || metaColumns.value.some((c) => c.search))
  const filtered = computed(() => isFiltered(query.value))

  return {
    resource, query, set, record, open, meta, metaColumns, list, rows, hidden, density, columns,
    selected, everything, sortable, sortBy, searchable, filtered,
  }
}

function isFiltered(query: ListQuery): boolean {
  return query.search !== '' || query.page > 1 || Object.keys(query.filters).length > 0
}
