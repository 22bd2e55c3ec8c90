import { keepPreviousData, useQuery } from '@tanstack/vue-query'
import { computed, onScopeDispose, ref, watch, type Ref } from 'vue'
import { fieldTexts, problemText } from '@/ui/problem'
import { generators } from '../api'

const PAUSE = 350

/** What a generator would make, asked once the hand rests. */
export function usePreview(draft: Ref<{ kind: string; settings: object }>, mayAsk: boolean) {
  const body = computed(() => JSON.stringify({ kind: draft.value.kind, settings: draft.value.settings }))
  const asked = ref(body.value)
  let timer = 0
  watch(body, (now) => {
    window.clearTimeout(timer)
    timer = window.setTimeout(() => { asked.value = now }, PAUSE)
  })
  onScopeDispose(() => window.clearTimeout(timer))
  const query = useQuery({
    queryKey: computed(() => ['id-generator-preview', asked.value]),
    queryFn: ({ signal }) => generators.preview(JSON.parse(asked.value), signal),
    enabled: mayAsk,
    placeholderData: keepPreviousData,
    staleTime: 30_000,
    retry: false,
  })
  const waiting = computed(() => body.value !== asked.value || query.isFetching.value)
  const errors = computed<Record<string, string>>(() => (query.error.value && body.value === asked.value ? fieldTexts(query.error.value) : {}))
  const failure = computed(() => (query.error.value && Object.keys(errors.value).length === 0 ? problemText(query.error.value) : ''))
  const preview = computed(() => (query.error.value ? null : (query.data.value ?? null)))
  return { preview, errors, failure, waiting }
}
