import { t, te } from '@/locales'

/** `identity.role.update` → "Role: update"; an action this console has no word for stays as it is. */
export function actionLabel(action: string): string {
  const whole = `identity.audit.actions.${action.replace(/[.:]/g, '_')}`
  if (te(whole)) return t(whole)
  const parts = action.split(/[.:]/)
  const verb = parts.at(-1) ?? ''
  const noun = parts.at(-2) ?? ''
  const verbKey = `identity.audit.verbs.${verb}`
  const nounKey = `identity.audit.nouns.${noun}`
  if (!te(verbKey)) return action
  if (!te(nounKey)) return t(verbKey)
  // Chinese puts the two together; before a Latin word it wants a space.
  return t('identity.audit.sentence', { noun: t(nounKey), verb: t(verbKey) }).replace(/([\u4e00-\u9fff])(?=[A-Za-z])/g, '$1 ')
}

export function targetLabel(type: string | null): string {
  const noun = (type ?? '').split(/[.:]/).at(-1) ?? ''
  const key = `identity.audit.nouns.${noun}`
  return te(key) ? t(key) : noun
}
