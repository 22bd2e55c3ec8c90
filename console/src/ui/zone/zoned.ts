/** Between a moment and what the clocks of a zone show. A wall time is `2026-11-23T02:00:00`, without an offset. */

const formats = new Map<string, Intl.DateTimeFormat>()

function format(zone: string): Intl.DateTimeFormat {
  let found = formats.get(zone)
  if (!found) {
    found = new Intl.DateTimeFormat('en-US', { timeZone: zone, hourCycle: 'h23', year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit' })
    formats.set(zone, found)
  }
  return found
}

/** Milliseconds that the zone's clocks are ahead of UTC at that moment. */
export function offsetAt(moment: number, zone: string): number {
  const part = Object.fromEntries(format(zone).formatToParts(moment).map((p) => [p.type, Number(p.value)]))
  const wall = Date.UTC(part['year'] ?? 0, (part['month'] ?? 1) - 1, part['day'] ?? 1, part['hour'] ?? 0, part['minute'] ?? 0, part['second'] ?? 0)
  return wall - Math.floor(moment / 1000) * 1000
}

export function toWall(iso: string | null | undefined, zone: string): string | null {
  const moment = Date.parse(iso ?? '')
  if (Number.isNaN(moment)) return null
  return new Date(moment + offsetAt(moment, zone)).toISOString().slice(0, 19)
}

/** The earlier of two moments that share a wall time; one that the clocks skip becomes the moment after the gap. */
export function fromWall(wall: string | null | undefined, zone: string): string | null {
  const naive = Date.parse(`${wall ?? ''}Z`)
  if (Number.isNaN(naive)) return null
  const day = 86_400_000
  const offsets = [offsetAt(naive - day, zone), offsetAt(naive + day, zone)]
  const real = offsets.map((offset) => naive - offset).filter((moment) => moment + offsetAt(moment, zone) === naive)
  const moment = real.length > 0 ? Math.min(...real) : naive - Math.min(...offsets)
  return new Date(moment).toISOString()
}

/** `UTC+08:00`. */
export function offsetText(moment: number, zone: string): string {
  const minutes = Math.round(offsetAt(moment, zone) / 60_000)
  const [h, m] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60]
  return `UTC${minutes < 0 ? '−' : '+'}${String(h).padStart(2, '0')}:${String(m).padStart(2, '0')}`
}

export function isZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone })
    return true
  } catch {
    return false
  }
}

/** All zones this browser knows, UTC first. */
export function allZones(): string[] {
  const known = typeof Intl.supportedValuesOf === 'function' ? Intl.supportedValuesOf('timeZone') : []
  return ['UTC', ...known.filter((zone) => zone !== 'UTC')]
}
