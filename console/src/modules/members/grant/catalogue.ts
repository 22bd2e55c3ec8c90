import type { Permission } from '@/api/types'
import type { Term, Tuple } from './types'

/** The scope type of the product's own permissions; its scope is an organisation. */
export const ORG = 'org'

export interface Choice {
  value: string
  label: string
  /** What it means, where somebody wrote that down. */
  text: string | null
  deprecated: boolean
}

type Title = (permission: Permission) => string

export const emptyTuple = (): Tuple => ({ scope_type: '', scope_id: '', module: '', action: '' })

/** `identity.post` and `list` are `identity:post:list` among the product's own permissions. */
export function codeOf(tuple: Tuple): string | null {
  if (tuple.scope_type !== ORG) return null
  const dot = tuple.module.indexOf('.')
  return dot < 0 ? `${tuple.module}:${tuple.action}` : `${tuple.module.slice(0, dot)}:${tuple.module.slice(dot + 1)}:${tuple.action}`
}

export const keyOf = (tuple: Tuple): string => JSON.stringify([tuple.scope_type, tuple.scope_id, tuple.module, tuple.action])

export const tupleOf = ({ scope_type, scope_id, module, action }: Tuple): Tuple => ({ scope_type, scope_id, module, action })

export const isScopeId = (text: string): boolean => /^[A-Za-z0-9._:@/-]{1,128}$/.test(text)

export const isWhole = (tuple: Tuple): boolean => !!tuple.scope_type && isScopeId(tuple.scope_id) && !!tuple.module && !!tuple.action

const choice = (term: Term): Choice => ({ value: term.name, label: term.name, text: term.description, deprecated: term.deprecated_at !== null })

function named(terms: Term[], kind: Term['kind']): Choice[] {
  const found = terms.filter((term) => term.kind === kind)
  // What somebody declared is what he looks for; what is given no more comes last.
  const rank = (term: Term): number => (term.deprecated_at ? 2 : term.built_in ? 1 : 0)
  return found.sort((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1)).map(choice)
}

const plain = (value: string, label: string): Choice => ({ value, label, text: null, deprecated: false })

/** `Posts: List` in its two halves. */
export function halves(title: string): [string, string] {
  const at = title.search(/[：:]/)
  return at < 0 ? [title, title] : [title.slice(0, at).trim(), title.slice(at + 1).trim()]
}

export const scopeTypes = (terms: Term[]): Choice[] => named(terms, 'scope_type')

/** Of the product's own scope only its own modules make sense. */
export function modules(terms: Term[], permissions: Permission[], scopeType: string, title: Title): Choice[] {
  if (scopeType !== ORG) return named(terms, 'module')
  const own = new Map<string, Choice>()
  for (const permission of permissions) {
    const name = `${permission.module}.${permission.name}`
    if (!own.has(name)) own.set(name, plain(name, halves(title(permission))[0]))
  }
  return [...own.values()]
}

export function actions(terms: Term[], permissions: Permission[], tuple: Pick<Tuple, 'scope_type' | 'module'>, title: Title): Choice[] {
  if (tuple.scope_type !== ORG) return named(terms, 'action')
  return permissions.filter((p) => `${p.module}.${p.name}` === tuple.module).map((p) => plain(p.action, halves(title(p))[1]))
}
