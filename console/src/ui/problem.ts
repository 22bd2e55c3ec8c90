import { asApiError, fieldErrors } from '@/api/errors'
import type { FieldProblem } from '@/api/types'
import { t, te } from '@/locales'

/** A problem in the reader's language; the server's own words for a code this console does not know. */
export function problemText(error: unknown): string {
  const problem = asApiError(error)
  const key = `errors.${problem.code}`
  if (te(key)) return t(key)
  return problem.detail || t('errors.unexpected_answer')
}

export function fieldText(problem: FieldProblem): string {
  const key = `errors.field.${problem.code}`
  return te(key) ? t(key, problem.params ?? {}) : problem.message || problem.code
}

/** `{field: text}` for a form. */
export function fieldTexts(error: unknown): Record<string, string> {
  return Object.fromEntries(Object.entries(fieldErrors(error)).map(([field, problem]) => [field, fieldText(problem)]))
}
