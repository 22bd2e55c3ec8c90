/** Query keys, in one place so that what is invalidated is what was asked. */
export const keys = {
  meta: ['meta'] as const,
  menus: ['menus'] as const,
  permissions: ['permissions'] as const,
  resource: (name: string) => ['resource', name] as const,
  list: (name: string, params: unknown) => ['resource', name, 'list', params] as const,
  record: (name: string, id: string) => ['resource', name, 'record', id] as const,
  all: (name: string) => ['resource', name, 'all'] as const,
  own: (what: string) => ['own', what] as const,
  jobKinds: ['job-kinds'] as const,
  jobStats: (params: unknown) => ['resource', 'jobs.job', 'stats', params] as const,
  platform: (what: string, params: unknown = null) => ['platform', what, params] as const,
}
