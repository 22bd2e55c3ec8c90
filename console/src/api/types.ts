/**
 * The shapes the console reads and writes, each named once. Most are the API document's own, which `npm run api` writes
 * into schema.d.ts; the others stand where the console is content with less than the document says.
 */
import type { components } from './schema'

type Schemas = components['schemas']

export type Id = string
export type Time = string
export type Status = Schemas['Status']

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

export type CheckInit = Schemas['CheckInit']

export interface PublicKey {
  kid: string
  alg: string
  enc: string
  jwk: JsonWebKey
  pem: string
}

export type Organization = Schemas['Organization']
export type CurrentUser = Schemas['CurrentUser']
export type SignedIn = Schemas['SignedIn']
export type Me = Schemas['UserInfo']
export type MenuKind = Schemas['MenuKind']
export type MenuNode = Schemas['MenuNode']
export type Post = Schemas['PostRecord']
export type Department = Schemas['DepartmentRecord']
export type DataScope = Schemas['DataScope']
export type Role = Schemas['RoleRecord']
export type Menu = Schemas['MenuRecord']
export type AuditEntry = Schemas['AuditEntryRecord']
export type SignInEntry = Schemas['SignInRecord']
export type Member = Schemas['UserRecord']
export type AccessReason = Schemas['AccessReason']
export type EffectiveAccess = Schemas['EffectiveAccess']
export type Session = Schemas['Session']
export type Permission = Schemas['Permission']
export type Invitation = Schemas['Invitation']
export type InvitationInfo = Schemas['InvitationInfo']

export type PlatformUser = Schemas['PlatformUser']
export type PlatformOrganization = Schemas['PlatformOrganization']
export type TestMail = Schemas['TestMail']
export type ApiRoute = Schemas['RouteRow']
export type MemberApiKey = Schemas['MemberApiKey']

/** `key` comes once, with the answer to making or rotating it. */
export type ApiKey = Schemas['ApiKey'] & Partial<Pick<Schemas['ApiKeySecret'], 'key'>>

export type FieldType = 'string' | 'integer' | 'boolean' | 'datetime' | 'enum' | 'uuid' | 'json' | 'number' | 'array'

/** Pages describe columns of their own in the same words, and leave out what does not matter there. */
export type MetaColumn = { name: string; type: FieldType } & Partial<Omit<Schemas['Field'], 'name' | 'type'>>

export type ResourceMeta = Omit<Schemas['ResourceMeta'], 'columns'> & { columns: MetaColumn[] }

export type BulkResult = Schemas['BulkAnswer']
export type ImportResult = Schemas['ImportReport']
