import createClient from 'openapi-fetch'
import { ApiError, asApiError, toApiError } from './errors'
import type { paths } from './schema'
import { accessToken } from './token'
import type { SignedIn } from './types'

type Method = 'get' | 'post' | 'put' | 'patch' | 'delete'
export type Params = Record<string, string | number | boolean | null | undefined>

export interface RequestOptions {
  params?: Params
  body?: unknown
  headers?: Record<string, string>
  signal?: AbortSignal
  /** Sent as `If-Match`: the version this change was made from. */
  version?: number
}

interface Hooks {
  refreshed(answer: SignedIn): void
  lost(): void
  locale(): string
}

const REFRESH = '/api/auth/token/refresh'
// A 401 of these says something about the body, never about the access token.
const UNGUARDED = ['/api/auth/login', REFRESH, '/api/auth/init-user', '/api/auth/logout']

let hooks: Hooks = { refreshed: () => {}, lost: () => {}, locale: () => 'zh-CN' }
let inFlight: Promise<boolean> | null = null

export function installHooks(next: Partial<Hooks>): void {
  hooks = { ...hooks, ...next }
}

/** One refresh at a time: every request that meets a 401 waits for the same answer. */
export function refreshSession(): Promise<boolean> {
  inFlight ??= doRefresh().finally(() => {
    inFlight = null
  })
  return inFlight
}

async function doRefresh(): Promise<boolean> {
  let response: Response
  try {
    response = await fetch(REFRESH, {
      method: 'POST',
      credentials: 'same-origin',
      headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
      body: '{}',
    })
  } catch (error) {
    throw asApiError(error)
  }
  if (response.status === 401 || response.status === 403 || response.status === 422) {
    accessToken.set(null)
    return false
  }
  // A server that is restarting has not ended the session: only a refusal does.
  if (!response.ok) throw await toApiError(response)
  const answer = (await response.json()) as SignedIn
  accessToken.set(answer.access_token)
  hooks.refreshed(answer)
  return true
}

function withToken(request: Request): Request {
  const token = accessToken.get()
  if (token) request.headers.set('Authorization', `Bearer ${token}`)
  return request
}

export async function authFetch(request: Request): Promise<Response> {
  const path = new URL(request.url).pathname.replace(/\/$/, '')
  const again = request.clone()
  const sentToken = accessToken.get()
  const response = await fetch(withToken(request))
  if (response.status !== 401 || !sentToken || UNGUARDED.includes(path)) return response
  // Another request may have renewed the token while this one was on its way.
  const renewed = accessToken.get() !== sentToken || (await refreshSession())
  if (!renewed || !accessToken.get()) {
    hooks.lost()
    return response
  }
  return fetch(withToken(again))
}

/** Typed by the generated schema; pages that know their path at compile time use this one. */
export const api = createClient<paths>({ baseUrl: originOf(), credentials: 'same-origin', fetch: authFetch })

function originOf(): string {
  return typeof location === 'undefined' ? 'http://localhost' : location.origin
}

function urlOf(path: string, params?: Params): string {
  const url = new URL(path, originOf())
  for (const [name, value] of Object.entries(params ?? {})) {
    if (value !== undefined && value !== null && value !== '') url.searchParams.set(name, String(value))
  }
  return url.toString()
}

export async function send(method: Method, path: string, options: RequestOptions = {}): Promise<Response> {
  const headers = new Headers({ Accept: 'application/json', 'Accept-Language': hooks.locale(), ...options.headers })
  if (options.version !== undefined) headers.set('If-Match', `"${options.version}"`)
  const raw = options.body instanceof Blob
  if (options.body !== undefined && !raw) headers.set('Content-Type', 'application/json')
  let response: Response
  try {
    response = await authFetch(
      new Request(urlOf(path, options.params), {
        method: method.toUpperCase(),
        credentials: 'same-origin',
        headers,
        body: options.body === undefined ? undefined : raw ? (options.body as Blob) : JSON.stringify(options.body),
        signal: options.signal,
      }),
    )
  } catch (error) {
    if (error instanceof ApiError || (error instanceof DOMException && error.name === 'AbortError')) throw error
    throw asApiError(error)
  }
  if (!response.ok) throw await toApiError(response)
  return response
}

async function json<T>(method: Method, path: string, options?: RequestOptions): Promise<T> {
  const response = await send(method, path, options)
  const text = await response.text()
  return (text ? JSON.parse(text) : null) as T
}

/** For paths that are known only at run time: the resource layer's. */
export const http = {
  get: <T>(path: string, params?: Params, signal?: AbortSignal) => json<T>('get', path, { params, signal }),
  post: <T>(path: string, body?: unknown, options?: RequestOptions) => json<T>('post', path, { ...options, body }),
  put: <T>(path: string, body?: unknown, options?: RequestOptions) => json<T>('put', path, { ...options, body }),
  patch: <T>(path: string, body?: unknown, options?: RequestOptions) => json<T>('patch', path, { ...options, body }),
  delete: <T>(path: string, options?: RequestOptions) => json<T>('delete', path, options),
}
