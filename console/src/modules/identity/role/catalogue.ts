import type { Permission } from '@/api/types'

export interface ResourceGroup { name: string; items: Permission[] }
export interface ModuleGroup { module: string; resources: ResourceGroup[]; codes: string[] }

const ORDER = ['list', 'read', 'create', 'update', 'delete', 'purge', 'export', 'import']
const rank = (action: string): number => (ORDER.includes(action) ? ORDER.indexOf(action) : ORDER.length)

/** The catalogue as a tree of module, resource, action: in the order a person reads rights. */
export function grouped(permissions: Permission[], words = ''): ModuleGroup[] {
  const wanted = words.trim().toLowerCase()
  const modules = new Map<string, Map<string, Permission[]>>()
  for (const p of permissions) {
    if (wanted && !`${p.code} ${p.title_zh} ${p.title_en}`.toLowerCase().includes(wanted)) continue
    const resources = modules.get(p.module) ?? new Map<string, Permission[]>()
    resources.set(p.name, [...(resources.get(p.name) ?? []), p])
    modules.set(p.module, resources)
  }
  return [...modules].map(([module, resources]) => ({
    module,
    resources: [...resources].map(([name, items]) => ({ name, items: items.sort((a, b) => rank(a.action) - rank(b.action)) })),
    codes: [...resources.values()].flat().map((p) => p.code),
  }))
}
