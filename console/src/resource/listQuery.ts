import type { Params } from '@/api/client'

/** What a list shows. `filters` maps the API's own parameter (`status`, `created_at__gte`) to its text. */
export interface ListQuery {
  page: number
  pageSize: number
  search: string
  sort: string[]
  filters: Record<string, string>
  trash: boolean
}

export type RouteQuery = Record<string, string | null | (string | null)[] | undefined>

export const OPERATORS = ['eq', 'ne', 'in', 'contains', 'gt', 'gte', 'lt', 'lte', 'null'] as const
export type Operator = (typeof OPERATORS)[number]

// Words of the list grammar and of pages; everything else in the address is a filter.
const RESERVED = new Set(['page', 'page_size', 'cursor', 'search', 'sort', 'count', 'trash', 'record', 'tab', 'next', 'token'])
const FILTER = /^[a-z][a-z0-9_]*$/

export function splitParam(param: string): { field: string; op: Operator } {
  const at = param.lastIndexOf('__')
  const op = at > 0 ? param.slice(at + 2) : ''
  return (OPERATORS as readonly string[]).includes(op) && op !== 'eq'
    ? { field: param.slice(0, at), op: op as Operator }
    : { field: param, op: 'eq' }
}

export function joinParam(field: string, op: Operator): string {
  return op === 'eq' ? field : `${field}__${op}`
}

function one(value: RouteQuery[string]): string {
  return (Array.isArray(value) ? value[0] : value) ?? ''
}

function positive(text: string, fallback: number, max: number): number {
  const n = Number.parseInt(text, 10)
  return Number.isFinite(n) && n > 0 ? Math.min(n, max) : fallback
}

export function fromRoute(query: RouteQuery, defaults: { pageSize: number; sort?: string }): ListQuery {
  const filters: Record<string, string> = {}
  for (const [name, value] of Object.entries(query)) {
    if (!RESERVED.has(name) && FILTER.test(name) && one(value) !== '') filters[name] = one(value)
  }
  return {
    page: positive(one(query['page']), 1, 1_000_000),
    pageSize: positive(one(query['page_size']), defaults.pageSize, 200),
    search: one(query['search']),
    sort: (one(query['sort']) || defaults.sort || '').split(',').filter(Boolean),
    filters,
    trash: one(query['trash']) === 'true',
  }
}

/** Only what differs from the defaults, so that a plain list has a plain address. */
export function toRoute(query: ListQuery, defaults: { pageSize: number; sort?: string }): Record<string, string> {
  const route: Record<string, string> = {}
  if (query.page > 1) route['page'] = String(query.page)
  if (query.pageSize !== defaults.pageSize) route['page_size'] = String(query.pageSize)
  if (query.search) route['search'] = query.search
  if (query.sort.join(',') !== (defaults.sort ?? '')) route['sort'] = query.sort.join(',')
  if (query.trash) route['trash'] = 'true'
  return { ...query.filters, ...route }
}

export function toApi(query: ListQuery): Params {
  return { ...toSelection(query), page: query.page, page_size: query.pageSize }
}

/** Without paging: what an export or a bulk change over the whole result needs. */
export function toSelection(query: ListQuery): Params {
  return {
    ...query.filters,
    search: query.search || undefined,
    sort: query.sort.join(',') || undefined,
    trash: query.trash ? true : undefined,
  }
}

/** A plain click sorts by one column; an added one (shift) keeps the others. Third click: no order. */
export function nextSort(sort: string[], field: string, add: boolean): string[] {
  const now = sort.find((s) => s.replace(/^-/, '') === field)
  const next = now === undefined ? field : now === field ? `-${field}` : null
  if (!add) return next === null ? [] : [next]
  const others = sort.filter((s) => s.replace(/^-/, '') !== field)
  if (next === null) return others
  return now === undefined ? [...others, next] : sort.map((s) => (s === now ? next : s))
}
