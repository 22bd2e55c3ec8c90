import { useQueryClient } from '@tanstack/vue-query'
import { onScopeDispose, ref, shallowRef } from 'vue'
import { keys } from '@/api/keys'
import { toastError } from '@/ui/feedback'
import { asks, goOn, joined, seals, type Report, type Wish } from './seals'

export interface Look {
  at: string
  report: Report
  wish: Wish
}

/** Looks at a trail part by part, since one call works for some seconds only, and says how far it is. */
export function useVerification() {
  const client = useQueryClient()
  const busy = ref(false)
  const soFar = shallowRef<Report | null>(null)
  const look = shallowRef<Look | null>(null)
  let line: AbortController | null = null

  async function run(wish: Wish): Promise<void> {
    if (busy.value) return
    const own = new AbortController()
    line = own
    busy.value = true
    soFar.value = null
    try {
      for (let next: Wish | null = wish; next; ) {
        const part: Report = await seals.verify(next, own.signal)
        soFar.value = joined(soFar.value, part)
        next = goOn(next, part)
      }
    } catch (error) {
      if (!own.signal.aborted) toastError(error)
    }
    // What was found is told even if the end was not reached; that all was well so far says nothing.
    const found: Report | null = soFar.value
    if (found && (found.next === null || !found.sound)) look.value = { at: new Date().toISOString(), report: found, wish }
    busy.value = false
    soFar.value = null
    // Each part stands in the trail itself.
    await Promise.all([asks.all, keys.resource('identity.audit_entry')].map((queryKey) => client.invalidateQueries({ queryKey })))
  }

  const stop = (): void => line?.abort()
  onScopeDispose(stop)
  return { busy, soFar, look, run, stop }
}
