import { createI18n } from 'vue-i18n'
import type zhCN from './zh-CN'
import type { Locale } from './detect'

export type Messages = typeof zhCN

const loaders: Record<Locale, () => Promise<{ default: Messages }>> = {
  'zh-CN': () => import('./zh-CN'),
  'en-US': () => import('./en-US'),
}

export const i18n = createI18n({
  legacy: false,
  locale: 'zh-CN' as string,
  fallbackLocale: false,
  messages: {} as Record<string, Messages>,
  missingWarn: false,
  fallbackWarn: false,
})

/** Only the language in use is downloaded. */
export async function setLocale(locale: Locale): Promise<void> {
  if (!i18n.global.availableLocales.includes(locale)) {
    i18n.global.setLocaleMessage(locale, (await loaders[locale]()).default)
  }
  i18n.global.locale.value = locale
  document.documentElement.lang = locale
}

export const t = (key: string, named: Record<string, unknown> = {}): string => i18n.global.t(key, named)
export const te = (key: string): boolean => i18n.global.te(key)
