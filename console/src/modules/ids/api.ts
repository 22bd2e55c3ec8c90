import { http, type Params } from '@/api/client'
import type { Id, Page } from '@/api/types'
import type { Decoded, Generator, GeneratorPreview, NextIds } from './generator/types'
import type { ApprovedAll, Big, ConnectionTest, Finding, IdDatabase, IdKey, IdTable, Initialization, KeySettings, Line, Owner, Plan, Removal, ServiceSettings, Span, Usage } from './types'

interface Items<T> { items: T[] }

const database = (id: Id, rest = ''): string => `/api/id-databases/${encodeURIComponent(id)}/${rest}`
const table = (id: Id, rest = ''): string => `/api/id-tables/${encodeURIComponent(id)}/${rest}`
const key = (id: Id, rest = ''): string => `/api/id-keys/${encodeURIComponent(id)}/${rest}`
const generator = (id: Id): string => `/api/id-generators/${encodeURIComponent(id)}/`

export const databases = {
  list: async () => (await http.get<Items<IdDatabase>>('/api/id-databases/')).items,
  get: (id: Id) => http.get<IdDatabase>(database(id)),
  create: (body: unknown) => http.post<IdDatabase>('/api/id-databases/', body),
  update: (id: Id, body: unknown, version: number) => http.patch<IdDatabase>(database(id), body, { version }),
  removal: (id: Id) => http.get<Removal>(database(id, 'removal/')),
  remove: (id: Id) => http.delete<null>(database(id)),
  test: (body: unknown) => http.post<ConnectionTest>('/api/id-databases/test/', body),
  testStored: (id: Id) => http.post<ConnectionTest>(database(id, 'test/')),
  plan: (id: Id, signal?: AbortSignal) => http.post<Plan>(database(id, 'plan/'), undefined, { signal }),
  initialize: (id: Id) => http.post<Initialization>(database(id, 'initialize/')),
  initialization: (id: Id) => http.get<Initialization>(database(id, 'initialization/')),
}

export const tables = {
  list: (params: Params, signal?: AbortSignal) => http.get<Page<IdTable>>('/api/id-tables/', params, signal),
  decide: (id: Id, verb: 'approve' | 'ignore' | 'reset') => http.post<IdTable>(table(id, `${verb}/`)),
  approveAll: (database_id?: Id) => http.post<ApprovedAll>('/api/id-tables/approve-all/', database_id ? { database_id } : {}),
}

export const idKeys = {
  list: (params: Params, signal?: AbortSignal) => http.get<Page<IdKey>>('/api/id-keys/', params, signal),
  get: (id: Id) => http.get<IdKey>(key(id)),
  create: (body: unknown) => http.post<IdKey>('/api/id-keys/', body),
  update: (id: Id, body: Partial<KeySettings & { anonymous: boolean }>) => http.patch<IdKey>(key(id), body),
  raise: (id: Id, to: Big) => http.post<IdKey>(key(id, 'raise/'), { to }),
  rename: (id: Id, name: string) => http.post<IdKey>(key(id, 'rename/'), { name }),
  giveBack: (id: Id, start: Big, end: Big) => http.post<IdKey>(key(id, 'return/'), { start, end }),
  quarantine: (id: Id, reason: string) => http.post<IdKey>(key(id, 'quarantine/'), { reason }),
  release: (id: Id, at_least: Big) => http.post<IdKey>(key(id, 'release/'), { at_least }),
  retire: (id: Id) => http.post<IdKey>(key(id, 'retire/')),
  revive: (id: Id) => http.post<IdKey>(key(id, 'revive/')),
  check: async (id: Id) => (await http.post<{ findings: Finding[] }>(key(id, 'check/'))).findings,
  journal: (id: Id, from: Big, limit: number, signal?: AbortSignal) => http.get<{ items: Line[]; next: Big | null }>(key(id, 'journal/'), { from, limit }, signal),
  spans: async (id: Id) => (await http.get<Items<Span>>(key(id, 'spans/'))).items,
  owner: (id: Id, value: Big) => http.get<Owner>(key(id, 'owner/'), { value }),
  usage: (id: Id, hours: number, signal?: AbortSignal) => http.get<Usage>(key(id, 'usage/'), { hours }, signal),
}

export const generators = {
  list: async () => (await http.get<Items<Generator>>('/api/id-generators/')).items,
  create: (body: unknown) => http.post<Generator>('/api/id-generators/', body),
  update: (id: Id, body: unknown, version: number) => http.patch<Generator>(generator(id), body, { version }),
  remove: (id: Id) => http.delete<null>(generator(id)),
  preview: (body: unknown, signal?: AbortSignal) => http.post<GeneratorPreview>('/api/id-generators/preview/', body, { signal }),
}

export const service = {
  settings: () => http.get<ServiceSettings>('/api/ids/settings'),
  next: (name: string, count: number, idempotencyKey?: string) =>
    http.post<NextIds>('/api/ids/next', { key: name, count }, idempotencyKey ? { headers: { 'Idempotency-Key': idempotencyKey } } : {}),
  decode: (id: string, name?: string) => http.get<Decoded>(`/api/ids/decode/${encodeURIComponent(id)}`, { key: name }),
}

/** Query keys of this module: what one page changes, another one shows. */
export const asks = {
  databases: ['resource', 'ids.database'] as const,
  database: (id: Id) => ['resource', 'ids.database', 'record', id] as const,
  removal: (id: Id) => ['resource', 'ids.database', 'removal', id] as const,
  initialization: (id: Id) => ['resource', 'ids.database', 'initialization', id] as const,
  /** Not below the databases: a dry run reads every table, so it is only asked again by hand. */
  plan: (id: Id) => ['ids.plan', id] as const,
  tables: ['resource', 'ids.table'] as const,
  keys: ['resource', 'ids.key'] as const,
  key: (id: Id, ...what: unknown[]) => ['resource', 'ids.key', 'record', id, ...what] as const,
  generators: ['resource', 'ids.generator'] as const,
  settings: ['ids.settings'] as const,
}
