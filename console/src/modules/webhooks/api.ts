import { http, type Params } from '@/api/client'
import type { Id, Page } from '@/api/types'
import type { Delivery, DeliveryRecord, Endpoint, EndpointWithSecret, EventType, ReplayAnswer, ReplayRequest } from './types'

export const ENDPOINTS = '/api/webhook-endpoints/'
export const DELIVERIES = '/api/webhook-deliveries/'

const endpoint = (id: Id, rest = ''): string => `${ENDPOINTS}${encodeURIComponent(id)}/${rest}`
const delivery = (id: Id, rest = ''): string => `${DELIVERIES}${encodeURIComponent(id)}/${rest}`

export const endpoints = {
  get: (id: Id) => http.get<Endpoint>(endpoint(id)),
  remove: (id: Id) => http.delete<null>(endpoint(id)),
  rotate: (id: Id, overlap_hours: number) => http.post<EndpointWithSecret>(endpoint(id, 'rotate-secret/'), { overlap_hours }),
  ping: async (id: Id) => (await http.post<{ delivery_id: Id }>(endpoint(id, 'ping/'))).delivery_id,
  enable: (id: Id) => http.post<Endpoint>(endpoint(id, 'enable/')),
  replay: (id: Id, body: ReplayRequest) => http.post<ReplayAnswer>(endpoint(id, 'replay/'), body),
  eventTypes: async () => (await http.get<{ items: EventType[] }>('/api/webhook-event-types/')).items,
}

export const deliveries = {
  list: (params: Params, signal?: AbortSignal) => http.get<Page<Delivery>>(DELIVERIES, params, signal),
  get: (id: Id, signal?: AbortSignal) => http.get<DeliveryRecord>(delivery(id), undefined, signal),
  redeliver: (id: Id) => http.post<Delivery>(delivery(id, 'redeliver/')),
}

/** Names of these resources in query keys and in /api/meta. */
export const NAMES = { endpoint: 'webhooks.endpoint', delivery: 'webhooks.delivery' } as const
export const eventTypesKey = ['webhooks.event_types'] as const
