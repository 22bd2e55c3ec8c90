import { ORG } from '../grant/catalogue'
import type { EffectivePermission, Origin } from '../grant/types'

export interface ModuleGroup {
  module: string
  items: EffectivePermission[]
}

export interface ScopeGroup {
  key: string
  scope_type: string
  scope_id: string
  modules: ModuleGroup[]
  n: number
}

export interface Narrowing {
  words: string
  kind: Origin['kind'] | ''
  /** What is searched of a permission beside its own names. */
  text: (permission: EffectivePermission) => string
}

/**
 * By scope and, in it, by module. The product's own permissions come last: an owner has hundreds of them, and the few
 * of the shops below them would not be found.
 */
export function grouped(permissions: readonly EffectivePermission[], { words, kind, text }: Narrowing): ScopeGroup[] {
  const wanted = words.trim().toLowerCase().split(/\s+/).filter(Boolean)
  const scopes = new Map<string, ScopeGroup>()
  for (const one of permissions) {
    if (kind && !one.origins.some((origin) => origin.kind === kind)) continue
    const all = `${one.scope_type} ${one.scope_id} ${one.module}:${one.action} ${text(one)} ${one.origins.map((origin) => `${origin.role?.name ?? ''} ${origin.reason ?? ''}`).join(' ')}`.toLowerCase()
    if (!wanted.every((word) => all.includes(word))) continue
    const key = `${one.scope_type} ${one.scope_id}`
    const scope = scopes.get(key) ?? { key, scope_type: one.scope_type, scope_id: one.scope_id, modules: [], n: 0 }
    let group = scope.modules.find((m) => m.module === one.module)
    if (!group) {
      group = { module: one.module, items: [] }
      scope.modules.push(group)
    }
    group.items.push(one)
    scope.n += 1
    scopes.set(key, scope)
  }
  const rank = (scope: ScopeGroup): number => (scope.scope_type === ORG ? 1 : 0)
  return [...scopes.values()].sort((a, b) => rank(a) - rank(b) || (a.key < b.key ? -1 : 1))
}

/** What is said of somebody's permissions in one line. */
export function factsOf(permissions: readonly EffectivePermission[], now: number): { all: number; scopes: number; granted: number; ending: number } {
  const week = now + 7 * 86_400_000
  return {
    all: permissions.length,
    scopes: new Set(permissions.map((one) => `${one.scope_type} ${one.scope_id}`)).size,
    granted: permissions.filter((one) => one.origins.some((origin) => origin.kind === 'grant')).length,
    ending: permissions.filter((one) => one.expires_at !== null && Date.parse(one.expires_at) < week).length,
  }
}
