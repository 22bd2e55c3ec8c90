import { authFetch } from '@/api/client'
import { asApiError } from '@/api/errors'
import type { Big } from '../types'

export interface AllocateBody {
  system_code: string
  db_name: string
  table_name: string
  field_name: string
  segment_count: number
}

/** The wire that existing clients speak: business errors come with HTTP 200 and a code of their own. */
interface Envelope {
  code?: number
  msg?: string
  data?: { start: number | string; end: number | string } | null
  detail?: string | { loc?: (string | number)[]; msg?: string }[]
}

/** A refusal in that wire's own words. */
export class Refused extends Error {
  readonly code: number
  readonly retryAfter: string | null

  constructor(code: number, message: string, retryAfter: string | null) {
    super(message)
    this.name = 'Refused'
    this.code = code
    this.retryAfter = retryAfter
  }
}

export interface Answer {
  status: number
  body: string
  replayed: boolean
  milliseconds: number
}

export function readEnvelope(status: number, text: string, retryAfter: string | null): { start: Big; end: Big } {
  let envelope: Envelope
  try {
    envelope = JSON.parse(text) as Envelope
  } catch {
    throw new Refused(status, text.slice(0, 300), retryAfter)
  }
  if (envelope.code === 0 && envelope.data) return { start: String(envelope.data.start), end: String(envelope.data.end) }
  const detail = typeof envelope.detail === 'string' ? envelope.detail : (envelope.detail ?? []).map((one) => `${(one.loc ?? []).slice(1).join('.')}: ${one.msg ?? ''}`).join('; ')
  throw new Refused(envelope.code ?? status, envelope.msg || detail || `HTTP ${status}`, retryAfter)
}

/** With a key of its own the call is made as a client would make it, without the session. */
export async function allocate(body: AllocateBody, options: { idempotencyKey?: string; apiKey?: string }): Promise<Answer & { range: { start: Big; end: Big } }> {
  const headers = new Headers({ 'Content-Type': 'application/json', Accept: 'application/json' })
  if (options.idempotencyKey) headers.set('Idempotency-Key', options.idempotencyKey)
  if (options.apiKey) headers.set('X-API-Key', options.apiKey)
  const request = new Request(new URL('/api/segment/allocate', location.origin), { method: 'POST', credentials: options.apiKey ? 'omit' : 'same-origin', headers, body: JSON.stringify(body) })
  const begun = performance.now()
  let response: Response
  try {
    response = options.apiKey ? await fetch(request) : await authFetch(request)
  } catch (error) {
    throw asApiError(error)
  }
  const text = await response.text()
  const milliseconds = Math.round(performance.now() - begun)
  const range = readEnvelope(response.status, text, response.headers.get('retry-after'))
  return { status: response.status, body: text, replayed: response.headers.get('idempotency-replayed') === 'true', milliseconds, range }
}
