import type { Id, Time } from '@/api/types'
import type { Big } from '../types'

export const GENERATOR_KINDS = ['snowflake', 'snowflake53', 'uuid7', 'ulid', 'number'] as const
export type GeneratorKind = (typeof GENERATOR_KINDS)[number]
export const RESETS = ['never', 'day', 'month', 'year'] as const
export type Reset = (typeof RESETS)[number]

export interface NumberSettings {
  pattern: string
  reset: Reset
  time_zone: string
  start: number
  gap_free: boolean
}

export interface Generator {
  id: Id
  name: string
  kind: GeneratorKind
  settings: Partial<NumberSettings> & { epoch?: Time }
  expires_at: Time | null
  /** Whether that is within some years. */
  expires_soon: boolean
  version: number
  created_at: Time
}

export interface GeneratorPreview {
  examples: string[]
  expires_at: Time | null
}

export interface NextIds {
  key: string
  kind: 'counter' | GeneratorKind
  ids: Big[]
  start?: Big
  end?: Big
}

/** What an id says of itself; kinds add words of their own. */
export interface Decoded {
  kind: string
  at: Time | null
  worker: number | null
  sequence: Big | null
  [more: string]: unknown
}
