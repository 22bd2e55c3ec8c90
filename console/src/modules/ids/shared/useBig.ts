import { useI18n } from 'vue-i18n'
import type { Big } from '../types'
import { formatBig, formatShare, shortBig } from './big'

/** Big numbers in the reader's language. */
export function useBig() {
  const { locale } = useI18n()
  return {
    big: (value: Big | bigint | null | undefined) => formatBig(value, locale.value),
    short: (value: Big | bigint) => shortBig(value, locale.value),
    share: (value: number) => formatShare(value, locale.value),
  }
}
