import { onScopeDispose, ref, watch, type Ref } from 'vue'
import { jobs, type JobLog } from '@/api/jobs'
import type { Watching } from '@/ui/job/useLiveJob'

const POLL = 2000

/** The lines a job has written: fetched once, then told one by one, and fetched again wherever one is missing. */
export function useJobLogs(id: string) {
  const lines = ref<JobLog[]>([])
  const pending = ref(true)
  const error = ref<unknown>(null)
  let asking: Promise<void> | null = null

  const last = (): number => lines.value.at(-1)?.seq ?? 0

  function append(more: JobLog[]): void {
    const after = last()
    const fresh = more.filter((line) => line.seq > after).sort((a, b) => a.seq - b.seq)
    if (fresh.length > 0) lines.value = [...lines.value, ...fresh]
  }

  function fetchMore(): Promise<void> {
    asking ??= jobs.logs(id, last())
      .then((more) => {
        append(more)
        error.value = null
      })
      .catch((problem: unknown) => { error.value = problem })
      .finally(() => {
        pending.value = false
        asking = null
      })
    return asking
  }

  function take(line: JobLog): void {
    if (pending.value || line.seq > last() + 1) void fetchMore().then(() => append([line]))
    else append([line])
  }

  /** The stream tells its lines itself; while it is gone they are asked for. */
  function follow(watching: Ref<Watching>): void {
    let timer = 0
    watch(watching, (how, before) => {
      window.clearInterval(timer)
      if (how === 'polling') timer = window.setInterval(() => { if (!document.hidden) void fetchMore() }, POLL)
      if (before !== undefined) void fetchMore()
    })
    onScopeDispose(() => window.clearInterval(timer))
  }

  void fetchMore()
  return { lines, pending, error, take, follow, fetchMore }
}
