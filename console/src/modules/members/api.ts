import { http } from '@/api/client'
import type { Id } from '@/api/types'
import type { ClientDraft, IssuerDraft, IssuerKeys, MemberClient, MemberClientWithKey, MemberIssuer } from './types'

interface Items<T> { items: T[] }

const client = (id: Id, rest = ''): string => `/api/member-clients/${encodeURIComponent(id)}/${rest}`
const issuer = (id: Id, rest = ''): string => `/api/member-issuers/${encodeURIComponent(id)}/${rest}`

export const clients = {
  list: async () => (await http.get<Items<MemberClient>>('/api/member-clients/')).items,
  create: (body: Partial<ClientDraft>) => http.post<MemberClientWithKey>('/api/member-clients/', body),
  update: (id: Id, body: Partial<ClientDraft>) => http.patch<MemberClient>(client(id), body),
  rotate: (id: Id, overlap_hours: number) => http.post<MemberClientWithKey>(client(id, 'rotate/'), { overlap_hours }),
  remove: (id: Id) => http.delete<null>(client(id)),
}

export const issuers = {
  list: async () => (await http.get<Items<MemberIssuer>>('/api/member-issuers/')).items,
  create: (body: IssuerDraft) => http.post<MemberIssuer>('/api/member-issuers/', body),
  update: (id: Id, body: IssuerDraft) => http.put<MemberIssuer>(issuer(id), body),
  check: (id: Id) => http.post<IssuerKeys>(issuer(id, 'check/'), {}),
  remove: (id: Id) => http.delete<null>(issuer(id)),
}

/** Query keys of this module. */
export const asks = {
  clients: ['resource', 'members.client'] as const,
  issuers: ['resource', 'members.issuer'] as const,
}
