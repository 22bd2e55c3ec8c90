import type { Params } from '@/api/client'
import { http } from '@/api/client'
import { download } from '@/api/download'
import type { Id, Page } from '@/api/types'
import { fileType } from '@/resource/useResource'
import type { BatchAnswer, CopyAnswer, CopyWish, GrantImport, GrantOperation, Holder, MemberAccess, MemberGrant, OffboardAnswer, OffboardWish, Term, Tuple } from './types'

const GRANTS = '/api/member-grants/'
const member = (id: Id, rest: string): string => `/api/members/${encodeURIComponent(id)}/${rest}`
const PAGES = 10
const SIZE = 200
/** More holders than these are not shown one by one. */
export const MOST_HOLDERS = PAGES * SIZE

export const grants = {
  path: GRANTS,
  list: (params: Params, signal?: AbortSignal) => http.get<Page<MemberGrant>>(GRANTS, params, signal),
  batch: (operations: GrantOperation[], atomic: boolean) => http.post<BatchAnswer>(`${GRANTS}batch/`, { operations, atomic }),
  exportAs: (params: Params) => download(`${GRANTS}export/`, params, 'grants.csv'),
  importFile: (file: File, dry_run: boolean) => {
    const type = fileType(file)
    return http.post<GrantImport>(`${GRANTS}import/`, new Blob([file], { type }), { params: { dry_run }, headers: { 'Content-Type': type } })
  },
  /** All of them, page by page, since the chart counts them. */
  whoCan: async (tuple: Tuple, signal?: AbortSignal) => {
    const items: Holder[] = []
    let total = 0
    let cursor: string | null = null
    for (let page = 0; page < PAGES; page++) {
      // Counted once is enough.
      const place: Params = cursor ? { cursor, count: 'none' } : {}
      const answer: Page<Holder> = await http.get(`${GRANTS}who-can/`, { ...tuple, page_size: SIZE, ...place }, signal)
      items.push(...answer.items)
      if (page === 0) total = answer.total ?? answer.items.length
      cursor = answer.next_cursor
      if (!cursor) break
    }
    return { items, total }
  },
}

export const members = {
  access: (id: Id, signal?: AbortSignal) => http.get<MemberAccess>(member(id, 'access/'), {}, signal),
  copy: (id: Id, wish: CopyWish) => http.post<CopyAnswer>(member(id, 'copy-grants/'), wish),
  offboard: (id: Id, wish: OffboardWish) => http.post<OffboardAnswer>(member(id, 'offboard/'), wish),
}

export const terms = {
  list: async () => (await http.get<{ items: Term[] }>('/api/member-terms/')).items,
}

/** Query keys. All begin alike, because a change of one is seen in the others. */
export const asks = {
  all: ['resource', 'members.grant'] as const,
  list: (params: Params) => ['resource', 'members.grant', 'list', params] as const,
  whoCan: (tuple: Tuple) => ['resource', 'members.grant', 'who-can', tuple] as const,
  access: (id: Id) => ['resource', 'members.grant', 'access', id] as const,
  terms: ['resource', 'members.term'] as const,
}
