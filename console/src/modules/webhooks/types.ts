/** Webhooks as they come over the wire. */
import type { Id, RecordBase, Time } from '@/api/types'

export type EndpointState = 'active' | 'failing' | 'disabled'
export type DisabledReason = 'by_hand' | 'failing' | 'gone'

export interface EndpointSecret {
  /** `whsec_…AbCd`. */
  hint: string
  created_at: Time
  /** Until when it signs beside a newer one. */
  expires_at: Time | null
}

export interface Endpoint extends RecordBase {
  name: string
  url: string
  description: string | null
  /** Empty: all. */
  event_types: string[]
  enabled: boolean
  state: EndpointState
  disabled_reason: DisabledReason | null
  disabled_at: Time | null
  failing_since: Time | null
  last_success_at: Time | null
  last_failure_at: Time | null
  secrets: EndpointSecret[]
}

export interface EndpointDraft {
  name: string
  url: string
  description: string | null
  event_types: string[]
  enabled: boolean
}

/** The only answers with the secret itself: of making an endpoint, and of rotating its secret. */
export interface EndpointWithSecret {
  endpoint: Endpoint
  secret: string
}

export interface EventType {
  name: string
  title: { zh: string; en: string }
  about: { zh: string; en: string }
}

export const DELIVERY_STATES = ['pending', 'delivered', 'failed', 'held'] as const
export type DeliveryState = (typeof DELIVERY_STATES)[number]

export type TryError = 'status' | 'timeout' | 'unreachable' | 'refused' | 'invalid'

export interface Delivery {
  id: Id
  created_at: Time
  endpoint_id: Id
  /** Null when the endpoint is gone. */
  endpoint_name: string | null
  /** What the receiver sees as `webhook-id`. */
  message_id: string
  event_type: string
  state: DeliveryState
  /** Tries so far in this round; a redelivery begins a new one. */
  attempts: number
  next_at: Time | null
  last_status: number | null
  last_error: TryError | null
  finished_at: Time | null
}

export interface Try {
  at: Time
  number: number
  status: number | null
  duration_ms: number
  error: TryError | null
  detail: string | null
  /** The first thousand characters. */
  response: string | null
}

export interface DeliveryRecord extends Delivery {
  /** The JSON that is sent, byte by byte. */
  body: string
  /** The oldest first. */
  tries: Try[]
}

export interface ReplayRequest {
  since: Time
  until?: Time
  event_types?: string[]
  only_failed?: boolean
}

export interface ReplayAnswer {
  job_id: Id
  messages: number
}

/** Tries of one round. */
export const MOST_TRIES = 8
/** Older messages are gone. */
export const KEPT_DAYS = 30
export const MOST_OVERLAP_HOURS = 168
