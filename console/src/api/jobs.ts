/** Jobs, kinds, schedules and alerts as they come over the wire, and the requests that more than one layer makes. */
import { http, send, type Params } from './client'
import type { Id, Page, RecordBase, Time } from './types'

export const JOB_STATES = ['scheduled', 'ready', 'running', 'failed', 'dead', 'succeeded', 'cancelled'] as const
export type JobState = (typeof JOB_STATES)[number]

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }
export type Words = { zh: string; en: string }

export interface JobProgress {
  done: number
  total: number | null
  note?: string | null
}

export interface JobFile {
  id: Id
  name: string
  content_type: string
  size: number
  expires_at: Time | null
}

export interface Job {
  id: Id
  kind: string
  queue: string
  state: JobState
  priority: number
  args: Json
  tags: string[]
  run_at: Time
  created_at: Time
  started_at: Time | null
  finished_at: Time | null
  attempt: number
  max_attempts: number
  error: string | null
  result: Json
  progress: JobProgress | null
  unique_key: string | null
  schedule_id: Id | null
  scheduled_for: Time | null
  waits: number
  cancel_requested: boolean
  created_by: Id | null
  worker: string | null
  lease_until: Time | null
  /** Only with one job, not in a list. */
  files?: JobFile[]
}

export type AttemptOutcome = 'failed' | 'timed_out' | 'panicked' | 'lost' | 'cancelled' | 'handed_back'

export interface JobAttempt {
  attempt: number
  fence: number
  worker: string | null
  started_at: Time | null
  ended_at: Time | null
  outcome: AttemptOutcome
  error: string | null
}

export type LogLevel = 'info' | 'warn' | 'error'

export interface JobLog {
  seq: number
  at: Time
  level: LogLevel
  line: string
}

export interface JobBucket {
  at: Time
  succeeded: number
  failed: number
  dead: number
  cancelled: number
  wait_p50_ms: number | null
  wait_p95_ms: number | null
  run_p50_ms: number | null
  run_p95_ms: number | null
}

export interface JobStats {
  now: Record<'scheduled' | 'ready' | 'running' | 'failed' | 'dead', number>
  oldest_ready_seconds: number | null
  buckets: JobBucket[]
  kinds: { kind: string; succeeded: number; failed: number; dead: number }[]
}

export interface JobKind {
  kind: string
  title: Words
  description: Words
  queue: string
  audience: 'organization' | 'platform' | 'internal'
  max_attempts: number
  timeout_seconds: number | null
  retention_days: number
  args_schema: Json
  secret_args: string[]
  dev_only: boolean
}

/** `set_retention_days` is what an administrator chose over the kind's own. */
export type PlatformKind = JobKind & { set_retention_days: number | null }

export type BulkVerb = 'retry' | 'cancel' | 'delete'

export const SCHEDULE_KINDS = ['cron', 'interval', 'once'] as const
export type ScheduleKind = (typeof SCHEDULE_KINDS)[number]

export interface Timing {
  kind: ScheduleKind
  expression: string | null
  every_seconds: number | null
  at: Time | null
  time_zone: string
  starts_at: Time | null
  ends_at: Time | null
}

export interface Schedule extends RecordBase, Timing {
  name: string
  description: string | null
  jitter_seconds: number
  misfire: 'skip' | 'once' | 'all'
  misfire_limit: number
  overlap: 'skip' | 'queue' | 'allow'
  job_kind: string
  args: Json
  queue: string | null
  priority: number
  enabled: boolean
  source: 'user' | 'code'
  next_at: Time | null
  last_at: Time | null
  last_job_id: Id | null
  last_state: JobState | null
  runs: number
  missed: number
  skipped: number
}

export interface FirePreview {
  times: Time[]
  description: Words
}

export interface JobAlert extends RecordBase {
  name: string
  metric: 'oldest_ready_seconds' | 'dead_count' | 'missed_ticks'
  threshold: number
  channel: 'mail' | 'webhook'
  target: string
  enabled: boolean
  quiet_minutes: number
  last_fired_at: Time | null
  last_value: number | null
}

export interface QueueState {
  name: string
  paused: boolean
  scheduled: number
  ready: number
  running: number
  failed: number
  dead: number
  oldest_ready_seconds: number | null
  finished_per_minute: number
  failure_rate: number
  wait_p50_ms: number | null
  wait_p95_ms: number | null
}

export interface WorkerState {
  id: Id
  node: string
  pid: number
  version: string
  queues: string[]
  concurrency: number
  running: { id: Id; kind: string; org_id: Id; started_at: Time }[]
  started_at: Time
  heartbeat_at: Time
  alive: boolean
}

/** What a platform administrator sees of any organisation's job: everything but what it was told. */
export type PlatformJob = Omit<Job, 'args' | 'result' | 'created_by'> & { org_id: Id }

/** The organisation of the product's own jobs. */
export const PRODUCT: Id = '00000000-0000-0000-0000-000000000000'

export const isOver = (job: { state: JobState }): boolean => job.state === 'succeeded' || job.state === 'dead' || job.state === 'cancelled'
export const canRetry = (job: { state: JobState }): boolean => job.state === 'failed' || job.state === 'dead' || job.state === 'cancelled'
export const canCancel = (job: { state: JobState; cancel_requested: boolean }): boolean => !isOver(job) && !(job.state === 'running' && job.cancel_requested)

const one = (id: Id, rest = ''): string => `/api/jobs/${encodeURIComponent(id)}/${rest}`

export const jobs = {
  path: one,
  list: (params: Params, signal?: AbortSignal) => http.get<Page<Job>>('/api/jobs/', params, signal),
  get: (id: Id, signal?: AbortSignal) => http.get<Job>(one(id), undefined, signal),
  create: (body: unknown) => http.post<Job>('/api/jobs/', body),
  runAgain: (id: Id, args?: Json) => http.post<Job>(one(id, 'run-again/'), args === undefined ? {} : { args }),
  retry: (id: Id) => http.post<Job | null>(one(id, 'retry/')),
  cancel: (id: Id) => http.post<Job | null>(one(id, 'cancel/')),
  remove: (id: Id) => http.delete<null>(one(id)),
  attempts: async (id: Id) => (await http.get<{ items: JobAttempt[] }>(one(id, 'attempts/'))).items,
  logs: async (id: Id, after: number) => (await http.get<{ items: JobLog[] }>(one(id, 'logs/'), { after })).items,
  stats: (params: Params, signal?: AbortSignal) => http.get<JobStats>('/api/jobs/stats/', params, signal),
  kinds: async () => (await http.get<{ items: JobKind[] }>('/api/job-kinds/')).items,
  preview: (timing: Partial<Timing>, signal?: AbortSignal) => http.post<FirePreview>('/api/schedules/preview/', timing, { signal }),
}

const transfer = (id: Id, rest = ''): string => `/api/transfers/${encodeURIComponent(id)}/${rest}`

/** One's own exports and imports: jobs that need no permission for jobs. */
export const transfers = {
  path: transfer,
  get: (id: Id, signal?: AbortSignal) => http.get<Job>(transfer(id), undefined, signal),
  cancel: (id: Id) => http.post<Job | null>(transfer(id, 'cancel/')),
}

/** What `POST …/export-job/` and `…/import-job/` answer: the job that does it. */
export type Transfer = Pick<Job, 'id' | 'kind' | 'state'>

export async function startExport(path: string, params: Params): Promise<Transfer> {
  return (await send('post', `${path}export-job/`, { params })).json() as Promise<Transfer>
}

export async function startImport(path: string, file: Blob, type: string, params: Params): Promise<Transfer> {
  return (await send('post', `${path}import-job/`, { params, body: new Blob([file], { type }), headers: { 'Content-Type': type } })).json() as Promise<Transfer>
}
