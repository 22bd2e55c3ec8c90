import type { MenuNode } from '@/api/types'

/** A page that exists in code. */
export interface CodePage {
  page: string
  path: string
  title: string
  icon?: string
  permission?: string
  order: number
  group?: string
  hidden?: boolean
}

export interface CodeGroup {
  key: string
  title: string
  icon: string
  order: number
}

/** One entry of the sidebar. `title` is an i18n key, `titles` the server's words, which win. */
export interface MenuItem {
  id: string
  kind: 'group' | 'page' | 'link'
  title?: string
  titles?: { zh: string; en: string }
  icon?: string
  path?: string
  url?: string
  sort: number
  hidden: boolean
  children: MenuItem[]
}

type Can = (permission?: string | null) => boolean

/**
 * The code knows which pages exist, the server how they are ordered, named, grouped and hidden.
 * A page the server does not mention stands where the code puts it; a page the code does not have is left out.
 */
export function mergeMenu(server: MenuNode[], pages: CodePage[], groups: CodeGroup[], can: Can): MenuItem[] {
  const byPage = new Map(pages.map((page) => [page.page, page]))
  const mentioned = new Set<string>()

  const grown = new Map<string, MenuItem>()

  const convert = (node: MenuNode): MenuItem | null => {
    const base = {
      id: node.id,
      titles: { zh: node.title_zh, en: node.title_en },
      icon: node.icon ?? undefined,
      sort: node.sort,
      hidden: node.hidden,
      children: [] as MenuItem[],
    }
    if (node.kind === 'link') return isHttp(node.url) ? { ...base, kind: 'link', url: node.url ?? undefined } : null
    if (node.kind === 'group') {
      const children = node.children.map(convert).filter((item) => item !== null)
      const group: MenuItem = { ...base, kind: 'group', children }
      if (node.key) grown.set(node.key, group)
      return group
    }
    const name = node.page ?? ''
    const page = byPage.get(name)
    mentioned.add(name)
    if (!page || !can(page.permission)) return null
    return { ...base, kind: 'page', title: page.title, icon: node.icon || page.icon, path: page.path, hidden: node.hidden || !!page.hidden }
  }

  const items = server.map(convert).filter((item) => item !== null)
  const rest = pages.filter((page) => !mentioned.has(page.page) && can(page.permission))
  for (const page of rest) {
    const item: MenuItem = { id: page.page, kind: 'page', title: page.title, icon: page.icon, path: page.path, sort: page.order, hidden: !!page.hidden, children: [] }
    const group = groups.find((g) => g.key === page.group)
    if (!group) {
      items.push(item)
      continue
    }
    // The server's heading of that name, which it may have renamed or moved; only without one the code's own.
    let parent = grown.get(group.key)
    if (!parent) {
      parent = { id: group.key, kind: 'group', title: group.title, icon: group.icon, sort: group.order, hidden: false, children: [] }
      grown.set(group.key, parent)
      items.push(parent)
    }
    parent.children.push(item)
  }
  return sorted(items)
}

function sorted(items: MenuItem[]): MenuItem[] {
  for (const item of items) item.children = sorted(item.children)
  return items
    .filter((item) => item.kind !== 'group' || item.children.length > 0)
    .sort((a, b) => a.sort - b.sort)
}

/** What the sidebar draws: no hidden entries, no groups that became empty. */
export function visible(items: MenuItem[]): MenuItem[] {
  return items
    .filter((item) => !item.hidden)
    .map((item) => ({ ...item, children: visible(item.children) }))
    .filter((item) => item.kind !== 'group' || item.children.length > 0)
}

export function flatten(items: MenuItem[]): MenuItem[] {
  return items.flatMap((item) => [item, ...flatten(item.children)])
}

/** The way from the root to a path, for breadcrumbs. */
export function trail(items: MenuItem[], path: string): MenuItem[] {
  for (const item of items) {
    if (item.path === path) return [item]
    const below = trail(item.children, path)
    if (below.length > 0) return [item, ...below]
  }
  return []
}

export function isHttp(url: string | null | undefined): boolean {
  return /^https?:\/\//i.test(url ?? '')
}
