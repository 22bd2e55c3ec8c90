import type { FieldProblem, Problem } from './types'

/** What went wrong with a request. `code` is the i18n key, `detail` the server's words for codes we do not know. */
export class ApiError extends Error {
  readonly status: number
  readonly code: string
  readonly detail: string
  readonly requestId: string | null
  readonly errors: FieldProblem[]

  constructor(status: number, problem: Problem, requestId: string | null = null) {
    super(problem.detail || problem.title || problem.code || `HTTP ${status}`)
    this.name = 'ApiError'
    this.status = status
    this.code = problem.code || codeOf(status)
    this.detail = problem.detail || problem.title || ''
    this.requestId = problem.request_id ?? requestId
    this.errors = problem.errors ?? []
  }

  get isConflict(): boolean {
    return this.code === 'version_mismatch' || this.code === 'version_conflict'
  }
}

function codeOf(status: number): string {
  if (status === 0) return 'network_error'
  if (status === 401) return 'unauthenticated'
  if (status === 403) return 'forbidden'
  if (status === 404) return 'not_found'
  if (status === 413) return 'payload_too_large'
  if (status === 429) return 'too_many_requests'
  return status >= 500 ? 'internal_error' : 'unexpected_answer'
}

/** Reads a failed answer, whatever its body is: a proxy in between may answer in HTML. */
export async function toApiError(response: Response): Promise<ApiError> {
  const requestId = response.headers.get('x-request-id')
  let problem: Problem = {}
  try {
    const text = await response.text()
    const body: unknown = text ? JSON.parse(text) : null
    if (body && typeof body === 'object' && !Array.isArray(body)) problem = body as Problem
  } catch {
    problem = {}
  }
  return new ApiError(response.status, problem, requestId)
}

export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error
  const detail = error instanceof Error ? error.message : String(error)
  return new ApiError(0, { code: error instanceof TypeError ? 'network_error' : 'unexpected_error', detail })
}

/** `{field: first problem}`; pointers into lists (`items.0.email`) keep their full name. */
export function fieldErrors(error: unknown): Record<string, FieldProblem> {
  const map: Record<string, FieldProblem> = {}
  if (error instanceof ApiError) for (const e of error.errors) map[e.field] ??= e
  return map
}
