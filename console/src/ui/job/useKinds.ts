import { useQuery } from '@tanstack/vue-query'
import { computed } from 'vue'
import { useI18n } from 'vue-i18n'
import { jobs, type JobKind, type Words } from '@/api/jobs'
import { keys } from '@/api/keys'
import { useSession } from '@/stores/session'
import { useCan } from '@/ui/can'

/** The kinds of jobs there are, with their words in the reader's language. */
export function useKinds() {
  const { locale } = useI18n()
  const session = useSession()
  const can = useCan()
  const query = useQuery({ queryKey: keys.jobKinds, queryFn: jobs.kinds, staleTime: 10 * 60_000, enabled: computed(() => can('jobs:job_kind:list')) })
  const all = computed<JobKind[]>(() => query.data.value ?? [])
  const byName = computed(() => new Map(all.value.map((kind) => [kind.kind, kind])))
  /** What this person may start by hand; `internal` is the product's own. */
  const startable = computed(() => all.value.filter((kind) => kind.audience === 'organization' || (kind.audience === 'platform' && !!session.me?.user.is_platform_admin)))
  /** Where jobs may wait: a queue that no kind names is served by nobody. */
  const queues = computed(() => [...new Set(all.value.map((kind) => kind.queue))].sort())
  const say = (words: Words | null | undefined): string => (words ? (locale.value === 'zh-CN' ? words.zh : words.en) : '')
  const titleOf = (name: string): string => say(byName.value.get(name)?.title) || name
  return { query, all, byName, startable, queues, titleOf, say }
}
