/** Places for grid lines: round numbers, the last at or above the largest value. */
export function countTicks(max: number, wanted = 4): number[] {
  return ticks(max, stepOf(Math.max(1, max) / wanted, [1, 2, 5], 10, 1))
}

const MINUTE = 60_000
const HOUR = 60 * MINUTE

/** The same for milliseconds, where round means something else above a second. */
export function durationTicks(max: number, wanted = 4): number[] {
  const rough = Math.max(1, max) / wanted
  if (rough < 1000) return ticks(max, stepOf(rough, [1, 2, 5], 10, 1))
  const steps = [1000, 2000, 5000, 10_000, 15_000, 30_000, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 6 * HOUR, 12 * HOUR, 24 * HOUR]
  return ticks(max, steps.find((step) => step >= rough) ?? Math.ceil(rough / (24 * HOUR)) * 24 * HOUR)
}

function stepOf(rough: number, steps: number[], base: number, least: number): number {
  for (let size = least; ; size *= base) {
    const found = steps.find((step) => step * size >= rough)
    if (found !== undefined) return found * size
  }
}

function ticks(max: number, step: number): number[] {
  const count = Math.max(1, Math.ceil(Math.max(max, 0) / step))
  return Array.from({ length: count + 1 }, (_, i) => i * step)
}

/** Which of the buckets get a label: every n-th, so that none overlaps its neighbour. */
export function labelled(count: number, width: number, labelWidth: number): number[] {
  const room = Math.max(1, Math.floor(width / labelWidth))
  const every = Math.max(1, Math.ceil(count / room))
  return Array.from({ length: Math.ceil(count / every) }, (_, i) => i * every)
}

/** A line's points, broken where nothing was measured. */
export function segments(points: (readonly [number, number] | null)[]): (readonly [number, number])[][] {
  const found: (readonly [number, number])[][] = []
  let open: (readonly [number, number])[] = []
  for (const point of points) {
    if (point) open.push(point)
    else if (open.length > 0) {
      found.push(open)
      open = []
    }
  }
  if (open.length > 0) found.push(open)
  return found
}
