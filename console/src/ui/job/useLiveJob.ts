import { useQuery, useQueryClient } from '@tanstack/vue-query'
import { computed, onScopeDispose, ref, watch } from 'vue'
import { ApiError } from '@/api/errors'
import { readEvents, type StreamEvent } from '@/api/eventStream'
import { isOver, jobs, transfers, type Job, type JobLog } from '@/api/jobs'
import { keys } from '@/api/keys'

/** How the job is being watched: by its stream, by asking again and again, or no more because it is over. */
export type Watching = 'connecting' | 'live' | 'polling' | 'over'

const POLL = 2000
const AT_ONCE = 100
const LONGEST_PAUSE = 30_000
/** A browser allows six lines to one server over HTTP/1.1; a page nobody sees gives its own back. */
const HIDDEN_FOR = 20_000

/** One job as it changes (`own`: as one's own export or import): by its event stream, else by polling, and by the stream again when that comes back. */
export function useLiveJob(id: string, options: { onLog?: (line: JobLog) => void; own?: boolean } = {}) {
  const source = options.own ? transfers : jobs
  const client = useQueryClient()
  const key = keys.record(options.own ? 'transfers' : 'jobs.job', id)
  const watching = ref<Watching>('connecting')
  const query = useQuery({
    queryKey: key,
    queryFn: ({ signal }) => source.get(id, signal),
    staleTime: 0,
    refetchOnMount: 'always',
    refetchInterval: computed(() => (watching.value === 'polling' ? POLL : false)),
  })
  const job = computed<Job | null>(() => query.data.value ?? null)
  const over = computed(() => job.value !== null && isOver(job.value))

  let line: AbortController | null = null
  let lastId = ''

  function take(event: StreamEvent): void {
    if (event.id) lastId = event.id
    if (event.event === 'job') client.setQueryData<Job>(key, (before) => ({ ...(before ?? {}), ...(JSON.parse(event.data) as Job) }))
    else if (event.event === 'log') options.onLog?.(JSON.parse(event.data) as JobLog)
  }

  async function follow(): Promise<void> {
    line?.abort()
    const own = new AbortController()
    line = own
    let failures = 0
    while (!own.signal.aborted) {
      let ended = false
      let heard = false
      let broken = false
      try {
        await readEvents(`${source.path(id)}events`, {
          signal: own.signal,
          lastId,
          onOpen: () => {
            if (watching.value !== 'live' && failures > 0) void query.refetch()
            watching.value = 'live'
          },
          onEvent: (event) => {
            failures = 0
            heard = true
            ended ||= event.event === 'end'
            take(event)
          },
        })
      } catch (error) {
        if (own.signal.aborted) return
        // A refusal stays one; only what the network or a restart broke is worth another attempt.
        broken = true
        if (error instanceof ApiError && error.status >= 400 && error.status < 500 && error.status !== 429) {
          watching.value = 'polling'
          return
        }
      }
      if (own.signal.aborted) return
      if (ended) {
        // The result's files are told only by the job itself.
        await query.refetch()
        if (over.value) watching.value = 'over'
        return
      }
      // The server ends each stream after a while, so that it need not wait for anybody when it stops.
      if (heard && !broken) {
        await pause(AT_ONCE, own.signal)
        continue
      }
      failures += 1
      watching.value = failures > 1 ? 'polling' : 'connecting'
      await pause(Math.min(LONGEST_PAUSE, 500 * 2 ** failures), own.signal)
    }
  }

  function stop(): void {
    line?.abort()
    line = null
  }

  watch([() => job.value !== null, over], ([known, finished]) => {
    if (!known) return
    if (finished) {
      // An open stream is let finish by itself: its last lines are still to come.
      if (watching.value !== 'live') {
        stop()
        watching.value = 'over'
      }
    } else if (!line || watching.value === 'over') {
      watching.value = 'connecting'
      void follow()
    }
  }, { immediate: true })

  let hiding = 0
  function onVisibility(): void {
    window.clearTimeout(hiding)
    if (document.hidden) {
      hiding = window.setTimeout(stop, HIDDEN_FOR)
    } else if (!line && job.value && !over.value) {
      void query.refetch()
      void follow()
    }
  }
  document.addEventListener('visibilitychange', onVisibility)
  onScopeDispose(() => {
    window.clearTimeout(hiding)
    document.removeEventListener('visibilitychange', onVisibility)
    stop()
  })

  return { query, job, over, watching, refetch: () => query.refetch() }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', () => { clearTimeout(timer); done() }, { once: true })
  })
}
