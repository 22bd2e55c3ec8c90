import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/vue-query'
import { computed, type Ref } from 'vue'
import { http, type Params } from '@/api/client'
import { download } from '@/api/download'
import { keys } from '@/api/keys'
import type { BulkResult, ImportResult, Page } from '@/api/types'
import { useCan } from '@/ui/can'
import { toApi, toSelection, type ListQuery } from './listQuery'
import type { ResourceDefinition, Row } from './types'

export type BulkAction = 'patch' | 'delete' | 'restore' | 'purge'

export function useResource<T extends Row>(definition: ResourceDefinition<T>) {
  const client = useQueryClient()
  const allowed = useCan()
  const { path, name } = definition
  const one = (id: string, rest = '') => `${path}${encodeURIComponent(id)}/${rest}`

  const can = (action: string): boolean => allowed(`${definition.permission}:${action}`)

  async function changed(): Promise<void> {
    const names = [name, ...(definition.touches ?? [])]
    await Promise.all(names.map((n) => client.invalidateQueries({ queryKey: keys.resource(n) })))
  }

  async function after<R>(work: Promise<R>): Promise<R> {
    const result = await work
    await changed()
    return result
  }

  function useList(query: Ref<ListQuery>) {
    const { refresh = false } = definition
    return useQuery<Page<T>>({
      queryKey: computed(() => keys.list(name, toApi(query.value))),
      queryFn: ({ signal }) => http.get<Page<T>>(path, toApi(query.value), signal),
      placeholderData: keepPreviousData,
      refetchInterval: typeof refresh === 'function' ? (list) => refresh(list.state.data?.items ?? []) : refresh,
    })
  }

  return {
    can,
    changed,
    useList,
    get: (id: string) => http.get<T>(one(id)),
    create: (body: unknown) => after(http.post<T>(path, body)),
    update: (id: string, patch: unknown, version?: number) => after(http.patch<T>(one(id), patch, { version })),
    remove: (id: string) => after(http.delete<null>(one(id))),
    purge: (id: string) => after(http.delete<null>(one(id), { params: { purge: true } })),
    restore: (id: string) => after(http.post<T>(one(id, 'restore/'))),
    bulk: (target: { ids: string[] } | { query: string }, action: BulkAction, patch?: unknown) =>
      after(http.post<BulkResult>(`${path}bulk/`, { ...target, action, ...(patch ? { patch } : {}) })),
    exportAs: (format: 'csv' | 'xlsx', query: ListQuery) =>
      download(`${path}export/`, { ...toSelection(query), format }, `${name}.${format}`),
    importFile: (file: File, params: Params) => importFile(path, file, params),
  }
}

const XLSX = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet'

/** The type of a File follows the machine's registry (Excel claims .csv), so ours is said explicitly. */
export function fileType(file: File): string {
  return file.name.toLowerCase().endsWith('.xlsx') ? XLSX : 'text/csv'
}

function importFile(path: string, file: File, params: Params): Promise<ImportResult> {
  const type = fileType(file)
  return http.post<ImportResult>(`${path}import/`, new Blob([file], { type }), { params, headers: { 'Content-Type': type } })
}

/** `{search=…&status=…}` as the text a bulk change takes. */
export function selectionText(query: ListQuery): string {
  const params = new URLSearchParams()
  for (const [key, value] of Object.entries(toSelection(query))) {
    if (value !== undefined && key !== 'sort') params.set(key, String(value))
  }
  return params.toString()
}
