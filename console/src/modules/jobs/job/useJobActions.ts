import { useQueryClient } from '@tanstack/vue-query'
import { canCancel, canRetry, isOver, jobs, type Job } from '@/api/jobs'
import { keys } from '@/api/keys'
import { t } from '@/locales'
import { useCan } from '@/ui/can'
import { attempt, confirm } from '@/ui/feedback'
import { P } from '../permissions'

/** What can be done with one job now, by this person. */
export function useJobActions() {
  const can = useCan()
  const client = useQueryClient()

  async function after(work: Promise<{ value: Job | null } | null>): Promise<boolean> {
    const done = await work
    if (done?.value) client.setQueryData<Job>(keys.record('jobs.job', done.value.id), (before) => ({ ...before, ...done.value } as Job))
    if (done) await client.invalidateQueries({ queryKey: keys.resource('jobs.job') })
    return done !== null
  }

  return {
    mayRetry: (job: Job): boolean => can(P.jobRetry) && canRetry(job),
    mayCancel: (job: Job): boolean => can(P.jobCancel) && canCancel(job),
    mayDelete: (job: Job): boolean => can(P.jobDelete) && isOver(job),
    mayRunAgain: (): boolean => can(P.jobCreate),
    retry: (job: Job): Promise<boolean> => after(attempt(() => jobs.retry(job.id), t('jobs.action.retried'))),
    async cancel(job: Job): Promise<boolean> {
      const question = t(job.state === 'running' ? 'jobs.action.cancel_running_confirm' : 'jobs.action.cancel_confirm')
      if (!(await confirm(question, { danger: true, ok: t('jobs.action.cancel') }))) return false
      return after(attempt(() => jobs.cancel(job.id), t(job.state === 'running' ? 'jobs.action.cancel_asked' : 'jobs.action.cancelled')))
    },
    async remove(job: Job): Promise<boolean> {
      if (!(await confirm(t('jobs.action.delete_confirm'), { danger: true, ok: t('common.delete') }))) return false
      const done = await attempt(() => jobs.remove(job.id), t('resource.deleted'))
      if (!done) return false
      client.removeQueries({ queryKey: keys.record('jobs.job', job.id) })
      await client.invalidateQueries({ queryKey: keys.resource('jobs.job') })
      return true
    },
  }
}
