import { markRaw } from 'vue'
import type { Schedule } from '@/api/jobs'
import { defineResource } from '@/resource/types'
import { browserZone } from '@/ui/format'
import ScheduleForm from './ScheduleForm.vue'

export const definition = (zone: string) => defineResource<Schedule>({
  name: 'jobs.schedule',
  path: '/api/schedules/',
  permission: 'jobs:schedule',
  i18n: 'jobs.schedule',
  fields: 'schedule',
  columns: [
    { key: 'name', primary: true },
    { key: 'expression', sort: false },
    { key: 'next_at', width: '150px' },
    { key: 'last_at', width: '130px' },
    { key: 'runs', type: 'number', align: 'end', width: '90px', sort: false },
    { key: 'enabled', width: '90px', sort: false },
    { key: 'job_kind', type: 'mono', hidden: true },
    { key: 'time_zone', hidden: true },
    { key: 'updated_at', type: 'relative', hidden: true },
  ],
  form: markRaw(ScheduleForm),
  blank: () => ({
    name: '', description: null, kind: 'cron', expression: '0 2 * * *', every_seconds: null, at: null, time_zone: zone || browserZone(), starts_at: null, ends_at: null,
    jitter_seconds: 0, misfire: 'once', misfire_limit: 10, overlap: 'skip', job_kind: '', args: {}, queue: null, priority: 0, enabled: true,
  }),
  titleOf: (schedule) => schedule.name,
  defaultSort: 'name',
  importable: true,
  drawerWidth: 1000,
  refresh: 5000,
})
