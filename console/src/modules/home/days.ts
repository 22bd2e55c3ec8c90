export interface Day { key: string; good: number; bad: number }

/** `2026-11-23` as the reader's zone sees it. */
export function dayKey(time: string | number | Date, zone: string): string {
  // The Swedish format happens to be the ISO one.
  return new Intl.DateTimeFormat('sv-SE', { timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit' }).format(new Date(time))
}

export function byDay(entries: { at: string; outcome: string }[], days: number, zone: string, now = Date.now()): Day[] {
  const list: Day[] = []
  for (let back = days - 1; back >= 0; back--) list.push({ key: dayKey(now - back * 86_400_000, zone), good: 0, bad: 0 })
  const map = new Map(list.map((day) => [day.key, day]))
  for (const entry of entries) {
    const day = map.get(dayKey(entry.at, zone))
    if (!day) continue
    if (entry.outcome === 'ok' || entry.outcome === 'success') day.good++
    else day.bad++
  }
  return list
}
