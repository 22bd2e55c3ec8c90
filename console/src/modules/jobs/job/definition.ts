import type { Job } from '@/api/jobs'
import { defineResource } from '@/resource/types'

export const definition = defineResource<Job>({
  name: 'jobs.job',
  path: '/api/jobs/',
  permission: 'jobs:job',
  i18n: 'jobs.job',
  fields: 'job',
  columns: [
    { key: 'kind' },
    { key: 'state', width: '120px' },
    { key: 'progress', width: '150px' },
    { key: 'attempt', width: '80px' },
    { key: 'run_at', type: 'relative', width: '130px' },
    { key: '_duration', label: 'jobs.job.duration', width: '100px', align: 'end', sort: false },
    { key: 'queue', type: 'mono', hidden: true },
    { key: 'priority', type: 'number', align: 'end', hidden: true },
    { key: 'created_at', type: 'datetime', hidden: true },
    { key: 'finished_at', type: 'datetime', hidden: true },
    { key: 'unique_key', type: 'mono', hidden: true },
    { key: 'worker', type: 'mono', hidden: true },
  ],
  filters: [
    { name: 'created_at', type: 'datetime', sort: true }, { name: 'run_at', type: 'datetime', sort: true },
    { name: 'finished_at', type: 'datetime', sort: true }, { name: 'priority', type: 'integer', sort: true },
  ],
  defaultSort: '-created_at',
  trash: false,
  refresh: 5000,
})
