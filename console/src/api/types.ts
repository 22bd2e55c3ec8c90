/**
 * The shapes the console reads and writes, each named once.
 * When the schema is generated, a line here becomes `components['schemas'][…]` and no page changes.
 */
export type Id = string
export type Time = string
export type Status = 'enabled' | 'disabled'

export interface Page<T> {
  items: T[]
  total: number | null
  total_capped?: boolean
  page: number
  page_size: number
  next_cursor: string | null
}

export interface RecordBase {
  id: Id
  version: number
  created_at: Time
  updated_at: Time
  created_by?: Id | null
  updated_by?: Id | null
  deleted_at?: Time | null
}

export interface FieldProblem {
  field: string
  code: string
  message: string
  params?: Record<string, unknown>
}

export interface Problem {
  type?: string
  title?: string
  status?: number
  code?: string
  detail?: string
  request_id?: string
  errors?: FieldProblem[]
}

export interface CheckInit {
  initialized: boolean
  app_name: string
  locales: string[]
  password_min: number
  mail_enabled: boolean
  setup_token_required: boolean
}

export interface PublicKey {
  kid: string
  alg: string
  enc: string
  jwk: JsonWebKey
  pem: string
}

export interface Organization {
  id: Id
  name: string
  slug: string
  is_owner: boolean
  version?: number
  deleted_at?: Time | null
  delete_after?: Time | null
  created_at?: Time
}

export interface CurrentUser {
  id: Id
  username: string
  name: string
  email: string | null
  email_verified: boolean
  locale: string | null
  time_zone: string | null
  is_platform_admin: boolean
  created_at: Time
}

export interface SignedIn {
  access_token: string
  refresh_token?: string
  token_type: string
  expires_in: number
  user: CurrentUser
  organization: Organization | null
  organizations: Organization[]
}

export interface Me {
  user: CurrentUser
  organization: Organization | null
  organizations: Organization[]
  permissions: string[]
  roles: { id: Id; name: string; code: string }[]
  department: { id: Id; name: string } | null
}

export type MenuKind = 'group' | 'page' | 'link'

export interface MenuNode {
  id: Id
  key: string | null
  kind: MenuKind
  title_zh: string
  title_en: string
  icon: string | null
  page: string | null
  url: string | null
  sort: number
  hidden: boolean
  children: MenuNode[]
}

export interface Post extends RecordBase {
  code: string
  name: string
  sort: number
  status: Status
  remark: string | null
}

export interface Department extends RecordBase {
  name: string
  code: string | null
  parent_id: Id | null
  parent_name?: string | null
  sort: number
  leader_id: Id | null
  leader_name?: string | null
  phone: string | null
  email: string | null
  status: Status
  member_count?: number
}

export type DataScope = 'all' | 'departments' | 'department' | 'department_and_below' | 'self'

export interface Role extends RecordBase {
  name: string
  code: string
  description: string | null
  status: Status
  data_scope: DataScope
  permissions: string[]
  department_ids: Id[]
  member_count?: number
  built_in?: boolean
}

export interface Menu extends RecordBase {
  kind: MenuKind
  title_zh: string
  title_en: string
  parent_id: Id | null
  page: string | null
  url: string | null
  icon: string | null
  sort: number
  hidden: boolean
  permission: string | null
}

export interface AuditEntry {
  id: Id
  at: Time
  actor_kind: 'user' | 'api_key' | 'cli' | 'system'
  actor_id: Id | null
  actor_name: string | null
  action: string
  target_type: string | null
  target_id: Id | null
  target_name: string | null
  outcome: 'ok' | 'denied' | 'failed'
  ip: string | null
  user_agent: string | null
  request_id: string | null
  changes: Record<string, { before?: unknown; after?: unknown }> | null
}

export interface SignInEntry {
  id: Id
  at: Time
  username: string
  user_id: Id | null
  outcome: string
  reason: string | null
  ip: string | null
  user_agent: string | null
}

export interface Member {
  id: Id
  username: string
  name: string
  email: string | null
  active: boolean
  disabled: boolean
  is_owner: boolean
  is_platform_admin: boolean
  title?: string | null
  department_id: Id | null
  department_name: string | null
  post_ids: Id[]
  role_ids: Id[]
  roles: { id: Id; name: string }[]
  last_sign_in_at: Time | null
  joined_at: Time
  version: number
  created_at: Time
  updated_at: Time
}

export interface AccessReason {
  kind: 'role' | 'grant' | 'owner'
  id: Id | null
  name: string | null
}

export interface EffectiveAccess {
  owner: boolean
  permissions: { code: string; scope: DataScope; department_ids: Id[]; because: AccessReason[] }[]
}

export interface Session {
  id: Id
  current?: boolean
  created_at: Time
  last_seen_at: Time
  ip: string | null
  user_agent: string | null
  organization_id?: Id | null
  user_id?: Id
  username?: string
  name?: string
}

export interface Permission {
  code: string
  module: string
  name: string
  action: string
  title_zh: string
  title_en: string
  source: string
}

export interface Invitation {
  id: Id
  email: string
  name?: string | null
  status: 'pending' | 'accepted' | 'revoked' | 'expired'
  expires_at: Time
  role_ids: Id[]
  department_id?: Id | null
  created_at?: Time
  link?: string | null
}

export interface InvitationInfo {
  organization: string | { id: Id; name: string }
  email: string
  inviter: string | { name: string } | null
  existing_user: boolean
  expires_at: Time
}

export interface ApiKey {
  id: Id
  name: string
  prefix?: string
  scopes: string[] | null
  expires_at: Time | null
  last_used_at?: Time | null
  created_at: Time
  key?: string
}

export type FieldType = 'string' | 'integer' | 'boolean' | 'datetime' | 'enum' | 'uuid' | 'json' | 'number' | 'array'

export interface MetaColumn {
  name: string
  type: FieldType
  values?: string[] | null
  nullable?: boolean
  filter?: string[]
  sort?: boolean
  search?: boolean
  create?: boolean
  update?: boolean
  required?: boolean
  reference?: string | null
  max_length?: number | null
}

export interface ResourceMeta {
  name: string
  module: string
  path: string
  titles?: { zh: string; en: string }
  columns: MetaColumn[]
  unique?: string[]
  actions: Record<string, string>
  can: string[]
}

export interface BulkResult {
  items: { id: Id; status: string | number; code?: string }[]
  ok: number
  failed: number
}

export interface ImportResult {
  import_id: string | null
  dry_run: boolean
  total: number
  created: number
  updated: number
  failed: number
  errors: { row: number; field: string | null; code: string; message: string }[]
}
