/**
 * The ID service as it comes over the wire. Ids and counts of ids are text: they may exceed what a JSON number of a
 * browser holds, so they are only ever read as BigInt.
 */
import type { JobProgress, JobState } from '@/api/jobs'
import type { Id, Time } from '@/api/types'

/** A whole number in digits. */
export type Big = string

export const DATABASE_KINDS = ['mysql', 'postgresql', 'sqlserver', 'oracle'] as const
export type DatabaseKind = (typeof DATABASE_KINDS)[number]

export interface IdDatabase {
  id: Id
  system_code: string
  kind: DatabaseKind
  address: string
  user: string
  database: string | null
  has_password: boolean
  version: number
  created_at: Time
  updated_at: Time
  scan: { at: Time | null; ok: boolean | null; error: string | null; tables: number }
  keys: number
  tables_waiting: number
}

export interface DatabaseDraft {
  system_code: string
  kind: DatabaseKind
  address: string
  user: string
  /** Null leaves the stored one as it is. */
  password: string | null
  database: string
}

export interface ConnectionTest {
  ok: boolean
  error: string | null
  product: string | null
  milliseconds: number
  databases: string[]
  tables: number | null
}

export interface Removal {
  retires: string[]
  retires_total: number
  forgets_tables: number
  keeps: string[]
}

export const PLAN_ACTIONS = ['create', 'raise', 'revive', 'keep', 'skip', 'error'] as const
export type PlanAction = (typeof PLAN_ACTIONS)[number]

export interface PlanRow {
  database: string
  schema: string | null
  table: string
  column: string | null
  column_type: string | null
  key: string | null
  counter: Big | null
  table_max: Big | null
  limit: Big | null
  to: Big | null
  action: PlanAction
  reason: string | null
  detail: string | null
}

export interface Plan {
  databases: { name: string; error: string | null }[]
  rows: PlanRow[]
  truncated: boolean
}

export interface Initialization {
  job_id: Id
  state: JobState
  progress: JobProgress | null
  result: { created: number; raised: number; kept: number; skipped: number; failed: number; rows: PlanRow[]; databases?: Plan['databases'] } | null
  error: string | null
  created_at: Time
  finished_at: Time | null
}

export const TABLE_STATES = ['waiting', 'approved', 'ignored', 'vanished'] as const
export type TableState = (typeof TABLE_STATES)[number]

export interface IdTable {
  id: Id
  database_id: Id
  system_code: string
  database: string
  schema: string | null
  table: string
  column: string
  column_type: string
  key: string
  max: Big | null
  limit: Big
  state: TableState
  found_at: Time
  seen_at: Time
  decided_at: Time | null
  note: string | null
}

export interface ApprovedAll {
  approved: number
  failed: number
  errors: { table: string; message: string }[]
}

export const MODES = ['buffered', 'strict'] as const
export type Mode = (typeof MODES)[number]
export const ID_TYPES = ['i8', 'u8', 'i16', 'u16', 'i24', 'u24', 'i32', 'u32', 'i53', 'i64', 'u64'] as const
export type IdType = (typeof ID_TYPES)[number]
export type KeyState = 'active' | 'exhausted' | 'quarantined' | 'retired'
export type ReasonKind = 'behind_journal' | 'behind_issued' | 'behind_table' | 'overlap' | 'asked'

export interface KeyParts {
  system_code: string
  database: string
  table: string
  field: string
}

export const COUNTERS = ['sql', 'redis'] as const
export type Counter = (typeof COUNTERS)[number]

export interface KeySettings {
  mode: Mode
  /** Where a strict key counts; asked for only where the installation has a Redis. */
  counter?: Counter
  sync: boolean
  id_type: IdType
  most_ids: number
  block: { least: number; most: number }
}

export interface IdKey extends KeySettings {
  id: Id
  name: string
  parts: KeyParts | null
  anonymous: boolean
  /** Of one node; 0 for no limit. */
  calls_per_second: number
  /** Of one caller at one node; 0 for the general rule. */
  ids_per_minute: number
  state: KeyState
  reason: { kind: ReasonKind; text: string } | null
  state_since: Time
  origin: Big
  ceiling: Big
  max: Big
  remaining: Big
  /** 0 to 1. */
  used: number
  per_day: Big | null
  full_at: Time | null
  low: boolean
  created_at: Time
}

export type LineKind = 'issued' | 'returned' | 'skipped' | 'dropped'

export interface Line {
  id: Id
  kind: LineKind
  start: Big
  end: Big
  count: Big
  /** Calls that share the line: those of nameless callers are merged. */
  calls: number
  at: Time
  caller: string | null
  request_id: string | null
  node: string | null
}

export interface Span {
  start: Big
  end: Big
  node: string | null
  leased_at: Time | null
  held: boolean
}

export type OwnerState = LineKind | 'held' | 'unattributed' | 'before' | 'free'

export interface Owner {
  line: Line | null
  span: Span | null
  state: OwnerState
}

export interface Usage {
  buckets: { at: Time; ids: Big; calls: number }[]
  callers: { caller: string | null; ids: Big; calls: number }[]
}

export interface Finding {
  line: Id
  start: Big
  end: Big
}

export interface ServiceSettings {
  allocate_auth: 'none' | 'key'
  base_url: string
  /** Whether keys can count in Redis here. */
  redis?: boolean
}
