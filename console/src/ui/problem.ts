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

const BOUNDS = new Set(['too_short', 'too_long', 'out_of_range', 'wrong_length'])

export function fieldText(problem: FieldProblem): string {
  const key = `errors.field.${problem.code}`
  // Without its numbers a bound would read "at most  characters"; the server's sentence has them.
  const known = te(key) && (problem.params || !BOUNDS.has(problem.code))
  return known ? t(key, problem.params ?? {}) : problem.message || problem.code
}

/**
 * `{field: text}` for a form. `permissions.3` is told at `permissions` too, because few forms have a place for one
 * entry; those that have find it under its full name.
 */
export function fieldTexts(error: unknown): Record<string, string> {
  const texts: Record<string, string> = {}
  for (const [field, problem] of Object.entries(fieldErrors(error))) {
    texts[field.replace(/\..*$/, '')] ??= fieldText(problem)
    texts[field] ??= fieldText(problem)
  }
  return texts
}
