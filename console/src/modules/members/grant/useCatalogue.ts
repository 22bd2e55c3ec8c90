import { useQuery } from '@tanstack/vue-query'
import { computed } from 'vue'
import { useI18n } from 'vue-i18n'
import { http } from '@/api/client'
import { keys } from '@/api/keys'
import type { Permission } from '@/api/types'
import { t } from '@/locales'
import { useSession } from '@/stores/session'
import { asks, terms } from './api'
import { codeOf, ORG } from './catalogue'
import type { Tuple } from './types'

/** The names that tuples may have, and the product's own permissions in the reader's words. */
export function useCatalogue() {
  const { locale } = useI18n()
  const session = useSession()
  const names = useQuery({ queryKey: asks.terms, queryFn: terms.list, staleTime: 60_000 })
  const own = useQuery({ queryKey: keys.permissions, queryFn: async () => (await http.get<{ items: Permission[] }>('/api/permissions/')).items, staleTime: 600_000 })
  const wordsOf = (permission: Permission): string => (locale.value === 'zh-CN' ? permission.title_zh : permission.title_en) || permission.code
  const titles = computed(() => new Map((own.data.value ?? []).map((p) => [p.code, wordsOf(p)])))
  const here = computed(() => session.me?.organization?.id ?? '')

  return {
    names,
    own,
    wordsOf,
    here,
    /** Null where the product has no words for it: the machine's own will do. */
    titleOf: (tuple: Tuple): string | null => titles.value.get(codeOf(tuple) ?? '') ?? null,
    scopeOf: (tuple: Pick<Tuple, 'scope_type' | 'scope_id'>): string =>
      tuple.scope_type === ORG && tuple.scope_id === here.value ? t('grants.this_org') : `${tuple.scope_type} · ${tuple.scope_id}`,
    /** One line of it, for questions and labels. */
    lineOf(tuple: Tuple): string {
      return `${this.titleOf(tuple) ?? `${tuple.module}:${tuple.action}`} (${this.scopeOf(tuple)})`
    },
  }
}
