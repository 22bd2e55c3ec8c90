import type { EventType } from '../types'

/** Only sent when somebody asks for it. */
export const PING = 'ping'

export interface EventGroup {
  /** What stands before the dot. */
  key: string
  types: EventType[]
}

/** The kinds of events in the groups that their names make, in the order in which the server lists them. */
export function grouped(types: readonly EventType[], chosen: readonly string[]): EventGroup[] {
  const groups = new Map<string, EventType[]>()
  for (const type of types) {
    if (type.name === PING && !chosen.includes(PING)) continue
    const key = type.name.split('.')[0] ?? type.name
    groups.set(key, [...(groups.get(key) ?? []), type])
  }
  return [...groups].map(([key, own]) => ({ key, types: own }))
}

/** Chosen ones that the server does not list any more. */
export function unknown(types: readonly EventType[], chosen: readonly string[]): string[] {
  const known = new Set(types.map((type) => type.name))
  return chosen.filter((name) => !known.has(name))
}
