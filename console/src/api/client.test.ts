import { beforeEach, describe, expect, it, vi } from 'vitest'
import { http, installHooks, refreshSession } from './client'
import { ApiError } from './errors'
import { accessToken } from './token'

const answer = (status: number, body?: unknown, headers: Record<string, string> = {}) =>
  new Response(body === undefined ? null : JSON.stringify(body), { status, headers: { 'content-type': 'application/json', ...headers } })

const signedIn = (token: string) => ({ access_token: token, token_type: 'Bearer', expires_in: 900, user: {}, organization: null, organizations: [] })
const lost = vi.fn()

/** A server that takes only `valid`; each refresh gives out the next token. */
function server(options: { refreshStatus?: number; valid?: string } = {}) {
  const calls: { path: string; token: string | null; method: string }[] = []
  let refreshes = 0
  vi.stubGlobal('fetch', async (input: Request | string) => {
    const request = typeof input === 'string' ? new Request(new URL(input, location.origin)) : input
    const path = new URL(request.url).pathname
    calls.push({ path, token: request.headers.get('authorization'), method: request.method })
    await Promise.resolve()
    if (path === '/api/auth/token/refresh') {
      refreshes++
      const status = options.refreshStatus ?? 200
      return status === 200 ? answer(200, signedIn('fresh')) : answer(status, { code: 'session_ended' })
    }
    return request.headers.get('authorization') === `Bearer ${options.valid ?? 'fresh'}` ? answer(200, { path }) : answer(401, { code: 'unauthenticated' })
  })
  return { calls, refreshes: () => refreshes }
}

beforeEach(() => {
  vi.unstubAllGlobals()
  lost.mockReset()
  accessToken.set('stale')
  installHooks({ lost, locale: () => 'en-US' })
})

describe('refresh', () => {
  it('happens once for many requests that meet a 401, and each is sent again once', async () => {
    const { calls, refreshes } = server()
    const answers = await Promise.all(['/api/a', '/api/b', '/api/c'].map((path) => http.get<{ path: string }>(path)))
    expect(answers.map((a) => a.path)).toEqual(['/api/a', '/api/b', '/api/c'])
    expect(refreshes()).toBe(1)
    expect(calls.filter((c) => c.path === '/api/a').map((c) => c.token)).toEqual(['Bearer stale', 'Bearer fresh'])
    expect(accessToken.get()).toBe('fresh')
    expect(lost).not.toHaveBeenCalled()
  })

  it('repeats the body of the request', async () => {
    const bodies: string[] = []
    vi.stubGlobal('fetch', async (input: Request | string) => {
      if (typeof input === 'string') return answer(200, signedIn('fresh'))
      bodies.push(await input.text())
      return input.headers.get('authorization') === 'Bearer fresh' ? answer(201, {}) : answer(401, {})
    })
    await http.post('/api/posts/', { name: 'a' })
    expect(bodies).toEqual(['{"name":"a"}', '{"name":"a"}'])
  })

  it('that is refused ends the session and passes the 401 on', async () => {
    server({ refreshStatus: 401 })
    await expect(http.get('/api/a')).rejects.toMatchObject({ status: 401, code: 'unauthenticated' })
    expect(lost).toHaveBeenCalledOnce()
    expect(accessToken.get()).toBeNull()
  })

  it('that fails for another reason does not sign anybody out', async () => {
    server({ refreshStatus: 503 })
    await expect(http.get('/api/a')).rejects.toMatchObject({ status: 503 })
    expect(lost).not.toHaveBeenCalled()
  })

  it('is not tried for a wrong password', async () => {
    const { refreshes } = server()
    await expect(http.post('/api/auth/login', {})).rejects.toMatchObject({ status: 401 })
    expect(refreshes()).toBe(0)
  })

  it('can happen again later', async () => {
    const { refreshes } = server()
    await refreshSession()
    await refreshSession()
    expect(refreshes()).toBe(2)
  })
})

describe('problems', () => {
  const reply = (response: Response) => vi.stubGlobal('fetch', async () => response)

  it('keep their code, request id and field errors', async () => {
    const errors = [{ field: 'name', code: 'taken', message: 'is taken' }]
    reply(answer(422, { code: 'validation_failed', detail: 'no', request_id: 'r1', errors }))
    const error = await http.post('/api/posts/', {}).catch((e: unknown) => e)
    expect(error).toBeInstanceOf(ApiError)
    expect(error).toMatchObject({ status: 422, code: 'validation_failed', requestId: 'r1', errors })
  })

  it('are made of an answer that is not JSON', async () => {
    reply(new Response('<html>bad gateway</html>', { status: 502, headers: { 'x-request-id': 'r2' } }))
    await expect(http.get('/api/a')).rejects.toMatchObject({ status: 502, code: 'internal_error', requestId: 'r2' })
  })

  it('are made of a network that is down', async () => {
    vi.stubGlobal('fetch', async () => { throw new TypeError('Failed to fetch') })
    await expect(http.get('/api/a')).rejects.toMatchObject({ status: 0, code: 'network_error' })
  })

  it('know a conflict', () => {
    expect(new ApiError(412, { code: 'version_mismatch' }).isConflict).toBe(true)
    expect(new ApiError(409, { code: 'version_conflict' }).isConflict).toBe(true)
    expect(new ApiError(409, { code: 'in_use' }).isConflict).toBe(false)
  })
})

describe('requests', () => {
  it('carry the version, the language and only filled parameters', async () => {
    let seen: Request | undefined
    vi.stubGlobal('fetch', async (request: Request) => { seen = request; return answer(200, {}) })
    await http.patch('/api/posts/1/', { name: 'a' }, { version: 7, params: { a: 1, b: '', c: null, d: undefined } })
    expect(seen?.headers.get('if-match')).toBe('"7"')
    expect(seen?.headers.get('accept-language')).toBe('en-US')
    expect(new URL(seen?.url ?? '').search).toBe('?a=1')
  })

  it('accept an answer without a body', async () => {
    vi.stubGlobal('fetch', async () => answer(204))
    await expect(http.delete('/api/posts/1/')).resolves.toBeNull()
  })
})
