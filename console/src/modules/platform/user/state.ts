import type { PlatformUser } from '@/api/types'
import type { ListQuery } from '@/resource/listQuery'

export const STATES = ['all', 'active', 'disabled', 'administrators'] as const
export type ListState = (typeof STATES)[number]

const FILTERS: Record<ListState, Record<string, string>> = {
  all: {},
  active: { disabled_at__null: 'true' },
  disabled: { disabled_at__null: 'false' },
  administrators: { is_platform_admin: 'true' },
}

/** Which of the segments the address means. */
export function listState({ filters }: ListQuery): ListState {
  if (filters['is_platform_admin'] === 'true') return 'administrators'
  if (filters['disabled_at__null'] === 'true') return 'active'
  return filters['disabled_at__null'] === 'false' ? 'disabled' : 'all'
}

/** The filters with that segment chosen; the others stay. */
export function withState(query: ListQuery, state: ListState): Record<string, string> {
  const { disabled_at__null: _closed, is_platform_admin: _flag, ...rest } = query.filters
  return { ...rest, ...FILTERS[state] }
}

export type AccountState = 'active' | 'disabled' | 'anonymized'

export function accountState(user: Pick<PlatformUser, 'disabled' | 'anonymized'>): AccountState {
  if (user.anonymized) return 'anonymized'
  return user.disabled ? 'disabled' : 'active'
}
