import { t } from '@/locales'
import type { FormState } from '@/ui/useForm'

/** What can be said before asking the server; it still has the last word on a password. */
export function checkPassword(form: FormState, password: string, again: string, min = 8, field = 'password'): boolean {
  if ([...password].length < min) form.fail(field, t('auth.password_short', { n: min }))
  else if (password !== again) form.fail('again', t('auth.password_differs'))
  else return true
  return false
}
