import { onScopeDispose, ref, type Ref } from 'vue'

/** The present, told again and again: for ages and durations that grow while somebody looks. */
export function useNow(every = 1000): Ref<number> {
  const now = ref(Date.now())
  const timer = window.setInterval(() => { if (!document.hidden) now.value = Date.now() }, every)
  onScopeDispose(() => window.clearInterval(timer))
  return now
}
