import type { Holder, Origin } from '../grant/types'

/** One way to a permission, and how many people go it. */
export interface Share {
  key: string
  kind: Origin['kind']
  /** A role's name. */
  name: string | null
  n: number
  /** Of them, how many have no other way: they would lose it with this one. */
  only: number
}

export function keyOfOrigin(origin: Origin): string {
  return origin.kind === 'role' ? `role:${origin.role?.id ?? ''}` : origin.kind
}

const RANK: Record<Origin['kind'], number> = { owner: 0, role: 1, grant: 2 }

/** Owners first, then roles by how many they carry, then what was granted to people themselves. */
export function sharesOf(holders: readonly Holder[]): Share[] {
  const shares = new Map<string, Share>()
  for (const { origins } of holders) {
    const keys = new Set(origins.map(keyOfOrigin))
    for (const key of keys) {
      const origin = origins.find((one) => keyOfOrigin(one) === key)
      if (!origin) continue
      const share = shares.get(key) ?? { key, kind: origin.kind, name: origin.role?.name ?? null, n: 0, only: 0 }
      share.n += 1
      if (keys.size === 1) share.only += 1
      shares.set(key, share)
    }
  }
  return [...shares.values()].sort((a, b) => RANK[a.kind] - RANK[b.kind] || b.n - a.n || (a.name ?? '').localeCompare(b.name ?? ''))
}

export function found(holders: readonly Holder[], words: string, key: string | null): Holder[] {
  const wanted = words.trim().toLowerCase()
  return holders.filter(({ user, origins }) =>
    (!key || origins.some((one) => keyOfOrigin(one) === key)) && (!wanted || `${user.name} ${user.username} ${user.email ?? ''}`.toLowerCase().includes(wanted)))
}
