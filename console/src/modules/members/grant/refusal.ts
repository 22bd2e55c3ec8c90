import { t, te } from '@/locales'
import type { Refusal } from './types'

/** Why something was refused, in the reader's language; the server's own words for a code that has none here. */
export function refusalText({ code, detail }: Refusal): string {
  for (const key of [`grants.refused.${code}`, `errors.field.${code}`, `errors.${code}`]) {
    // Sentences with numbers in them come whole from the server.
    if (te(key) && !t(key).includes('  ')) return t(key)
  }
  return detail || code
}
