export const LOCALES = ['zh-CN', 'en-US'] as const
export type Locale = (typeof LOCALES)[number]

export function isLocale(value: unknown): value is Locale {
  return LOCALES.includes(value as Locale)
}

/** A stored choice wins; otherwise the browser's first language that we speak. */
export function detectLocale(stored: string | null | undefined, languages: readonly string[] = navigator.languages ?? []): Locale {
  if (isLocale(stored)) return stored
  for (const language of languages) {
    if (language.toLowerCase().startsWith('zh')) return 'zh-CN'
    if (language.toLowerCase().startsWith('en')) return 'en-US'
  }
  return 'zh-CN'
}
