export interface TreeNode<T> {
  item: T
  depth: number
  children: TreeNode<T>[]
}

/** Flat rows into a forest. A row whose parent is missing (or would be its own ancestor) stands at the root. */
export function toTree<T extends { id: string; parent_id?: string | null }>(rows: T[]): TreeNode<T>[] {
  const nodes = new Map(rows.map((item) => [item.id, { item, depth: 0, children: [] as TreeNode<T>[] }]))
  const isCycle = (id: string): boolean => {
    const seen = new Set([id])
    for (let at = nodes.get(id)?.item.parent_id; at; at = nodes.get(at)?.item.parent_id) {
      if (seen.has(at)) return true
      seen.add(at)
    }
    return false
  }
  const roots: TreeNode<T>[] = []
  for (const node of nodes.values()) {
    const parent = node.item.parent_id ? nodes.get(node.item.parent_id) : undefined
    if (parent && !isCycle(node.item.id)) parent.children.push(node)
    else roots.push(node)
  }
  const mark = (list: TreeNode<T>[], depth: number): void => {
    for (const node of list) {
      node.depth = depth
      mark(node.children, depth + 1)
    }
  }
  mark(roots, 0)
  return roots
}

export function flattenTree<T>(nodes: TreeNode<T>[], closed: ReadonlySet<string>, idOf: (item: T) => string): TreeNode<T>[] {
  return nodes.flatMap((node) => [node, ...(closed.has(idOf(node.item)) ? [] : flattenTree(node.children, closed, idOf))])
}

/** The record itself and everything below it: places it must not be moved to. */
export function withDescendants<T extends { id: string; parent_id?: string | null }>(rows: T[], id: string): Set<string> {
  const found = new Set([id])
  for (let grew = true; grew; ) {
    grew = false
    for (const row of rows) {
      if (row.parent_id && found.has(row.parent_id) && !found.has(row.id)) {
        found.add(row.id)
        grew = true
      }
    }
  }
  return found
}
