import { keepPreviousData, useQuery } from '@tanstack/vue-query'
import { computed, onScopeDispose, ref, watch, type Ref } from 'vue'
import { fieldErrors } from '@/api/errors'
import { jobs, type FirePreview, type Timing } from '@/api/jobs'
import { fieldText, problemText } from '@/ui/problem'

/** Only what belongs to the kind: an expression left over from before must not spoil an interval. */
export function timingOf(timing: Timing): Partial<Timing> {
  const { kind, time_zone, starts_at, ends_at } = timing
  const common = { kind, time_zone, ...(starts_at && { starts_at }), ...(ends_at && { ends_at }) }
  if (kind === 'cron') return { ...common, expression: timing.expression?.trim() ?? '' }
  return kind === 'interval' ? { ...common, every_seconds: timing.every_seconds } : { ...common, at: timing.at }
}

export function complete(timing: Timing): boolean {
  if (timing.kind === 'cron') return !!timing.expression?.trim()
  return timing.kind === 'interval' ? (timing.every_seconds ?? 0) > 0 : !!timing.at
}

const PAUSE = 350

/** The next fire times of what is being edited, asked once the hand rests. */
export function usePreview(timing: Ref<Timing>) {
  const body = computed(() => (complete(timing.value) ? JSON.stringify(timingOf(timing.value)) : ''))
  const asked = ref(body.value)
  let timer = 0
  watch(body, (now) => {
    window.clearTimeout(timer)
    timer = window.setTimeout(() => { asked.value = now }, PAUSE)
  })
  onScopeDispose(() => window.clearTimeout(timer))

  const query = useQuery({
    queryKey: computed(() => ['schedule-preview', asked.value]),
    queryFn: ({ signal }) => jobs.preview(JSON.parse(asked.value) as Partial<Timing>, signal),
    enabled: computed(() => asked.value !== ''),
    placeholderData: keepPreviousData,
    staleTime: 20_000,
    retry: false,
  })
  const waiting = computed(() => body.value !== asked.value || query.isFetching.value)
  const errors = computed<Record<string, string>>(() => {
    if (!query.error.value || body.value !== asked.value) return {}
    return Object.fromEntries(Object.entries(fieldErrors(query.error.value)).map(([field, problem]) => [field, fieldText(problem)]))
  })
  /** The server's own sentence about the expression: it names the field and what may stand there. */
  const detail = computed(() => (errors.value['expression'] ? (fieldErrors(query.error.value)['expression']?.message ?? '') : ''))
  const failure = computed(() => (query.error.value && Object.keys(errors.value).length === 0 ? problemText(query.error.value) : ''))
  const preview = computed<FirePreview | null>(() => (body.value && !query.error.value ? (query.data.value ?? null) : null))
  return { preview, errors, detail, failure, waiting, incomplete: computed(() => body.value === '') }
}
