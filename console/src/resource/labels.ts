import { t, te } from '@/locales'

/** `fields.post.code`, else the label all resources share, else the bare name. */
export function fieldLabel(group: string, field: string): string {
  for (const key of [`fields.${group}.${field}`, `fields.common.${field}`]) if (te(key)) return t(key)
  return field
}

export function enumLabel(group: string, field: string, value: unknown): string {
  const text = String(value)
  for (const key of [`fields.${group}.values.${field}.${text}`, `fields.common.values.${field}.${text}`]) if (te(key)) return t(key)
  return text
}
