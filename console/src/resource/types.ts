import type { Component } from 'vue'
import type { MetaColumn } from '@/api/types'

export interface Row {
  id: string
  version?: number
  deleted_at?: string | null
}

export type CellType = 'text' | 'mono' | 'datetime' | 'relative' | 'enum' | 'status' | 'boolean' | 'number'

export interface DataColumn<T extends Row> {
  key: (keyof T & string) | `_${string}`
  /** i18n key; otherwise the field's own label. */
  label?: string
  type?: CellType
  width?: string
  align?: 'start' | 'end' | 'center'
  /** Starts hidden; the column picker brings it out. */
  hidden?: boolean
  /** The name the server sorts by, when it differs; false forbids. */
  sort?: string | false
  /** Clicking it opens the record. */
  primary?: boolean
}

/** A page is this declaration, its columns and its form. */
export interface ResourceDefinition<T extends Row> {
  /** `identity.post`: the name in /api/meta. */
  name: string
  path: string
  /** `identity:post`; the permission of an action is `<permission>:<action>`. */
  permission: string
  /** i18n prefix with `title`, `one`, `create`, `empty_title`, `empty_text`. */
  i18n: string
  /** The group of `fields.*` that labels its fields. */
  fields: string
  columns: DataColumn<T>[]
  form?: Component
  /** What a new record starts with; its keys are what the form may write. */
  blank?: () => Record<string, unknown>
  titleOf?: (row: T) => string
  defaultSort?: string
  pageSize?: number
  /** Filters for lists that /api/meta does not describe. */
  filters?: MetaColumn[]
  /** Filters that the page shows by a control of its own: they get no chip. */
  ownFilters?: string[]
  importable?: boolean
  exportable?: boolean
  trash?: boolean
  /** False also leaves the rows without actions, unless the page gives its own. */
  bulk?: boolean
  creatable?: boolean
  drawerWidth?: number
  /** Asked again after so many milliseconds, for lists that change by themselves; by what they show, where that says how soon. */
  refresh?: number | ((rows: T[]) => number)
  /** Other resources whose lists show data of this one. */
  touches?: string[]
}

export function defineResource<T extends Row>(definition: ResourceDefinition<T>): ResourceDefinition<T> {
  return definition
}
