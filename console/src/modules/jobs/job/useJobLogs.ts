import { onScopeDispose, ref, watch, type Ref } from 'vue'
import { jobs, type JobLog } from '@/api/jobs'
import type { Watching } from '@/ui/job/useLiveJob'

const POLL = 2000

/** The lines a job has written: fetched once, then told one by one. */
export function useJobLogs(id: string) {
  const lines = ref<JobLog[]>([])
  const pending = ref(true)
  const error = ref<unknown>(null)
  let asking: Promise<void> | null = null

  const known = new Set<number>()
  const last = (): number => lines.value.at(-1)?.seq ?? -1

  /** A stream that begins anew tells everything again, and the list may come before or after it. */
  function append(more: JobLog[]): void {
    const fresh = more.filter((line) => !known.has(line.seq))
    if (fresh.length === 0) return
    const inOrder = (fresh[0]?.seq ?? 0) > last()
    for (const line of fresh) known.add(line.seq)
    const all = [...lines.value, ...fresh]
    lines.value = inOrder && fresh.length === 1 ? all : all.sort((one, two) => one.seq - two.seq)
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

  const take = (line: JobLog): void => append([line])

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
