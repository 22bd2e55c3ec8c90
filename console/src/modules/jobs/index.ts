import type { ConsoleModule } from '@/app/modules'
import { P } from './permissions'

export default {
  name: 'jobs',
  order: 50,
  groups: [
    { key: 'jobs', title: 'jobs.group', icon: 'timer', order: 50 },
    { key: 'jobs-platform', title: 'jobs.group_platform', icon: 'operation', order: 85 },
  ],
  routes: [
    { path: '/jobs', name: 'jobs', component: () => import('./job/JobsPage.vue'), meta: { page: 'jobs.jobs', title: 'jobs.job.title', permission: P.jobList, icon: 'list', order: 10, group: 'jobs' } },
    { path: '/jobs/:id', name: 'job', component: () => import('./job/JobPage.vue'), meta: { title: 'jobs.job.one', permission: P.jobRead, parent: '/jobs' } },
    { path: '/schedules', name: 'schedules', component: () => import('./schedule/SchedulesPage.vue'), meta: { page: 'jobs.schedules', title: 'jobs.schedule.title', permission: P.scheduleList, icon: 'calendar', order: 20, group: 'jobs' } },
    { path: '/job-alerts', name: 'job-alerts', component: () => import('./alert/AlertsPage.vue'), meta: { page: 'jobs.job_alerts', title: 'jobs.alert.title', permission: P.alertList, icon: 'bell', order: 30, group: 'jobs' } },
    { path: '/platform/queues', name: 'platform-queues', component: () => import('./queue/QueuesPage.vue'), meta: { page: 'platform.queues', title: 'jobs.queue.title', permission: P.queueList, icon: 'collection', order: 10, group: 'jobs-platform' } },
    { path: '/platform/workers', name: 'platform-workers', component: () => import('./worker/WorkersPage.vue'), meta: { page: 'platform.workers', title: 'jobs.worker.title', permission: P.workerList, icon: 'monitor', order: 20, group: 'jobs-platform' } },
    { path: '/platform/jobs', name: 'platform-jobs', component: () => import('./operation/PlatformJobsPage.vue'), meta: { page: 'platform.jobs', title: 'jobs.platform.jobs', permission: P.platformJobList, icon: 'management', order: 30, group: 'jobs-platform' } },
    { path: '/platform/schedules', name: 'platform-schedules', component: () => import('./operation/PlatformSchedulesPage.vue'), meta: { page: 'platform.schedules', title: 'jobs.platform.schedules', permission: P.platformScheduleList, icon: 'timer', order: 40, group: 'jobs-platform' } },
    { path: '/platform/job-kinds', name: 'platform-job-kinds', component: () => import('./operation/KindsPage.vue'), meta: { page: 'platform.job_kinds', title: 'jobs.kind.title', permission: P.platformKindList, icon: 'box', order: 50, group: 'jobs-platform' } },
  ],
} satisfies ConsoleModule
