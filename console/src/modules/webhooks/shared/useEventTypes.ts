import { useQuery } from '@tanstack/vue-query'
import { computed } from 'vue'
import { useI18n } from 'vue-i18n'
import { useCan } from '@/ui/can'
import { endpoints, eventTypesKey } from '../api'
import { P } from '../permissions'

/** The kinds of events there are, with their words in the reader's language. */
export function useEventTypes() {
  const { locale } = useI18n()
  const can = useCan()
  const query = useQuery({ queryKey: eventTypesKey, queryFn: endpoints.eventTypes, staleTime: 10 * 60_000, enabled: computed(() => can(P.endpointList)) })
  const all = computed(() => query.data.value ?? [])
  const byName = computed(() => new Map(all.value.map((type) => [type.name, type])))
  const say = (words: { zh: string; en: string } | undefined): string => (words ? (locale.value === 'zh-CN' ? words.zh : words.en) : '')
  return {
    query,
    all,
    titleOf: (name: string): string => say(byName.value.get(name)?.title) || name,
    aboutOf: (name: string): string => say(byName.value.get(name)?.about),
  }
}
