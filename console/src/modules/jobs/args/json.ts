import type { Json } from '@/api/jobs'

export interface JsonFault {
  line: number | null
  column: number | null
  /** The engine's own words, without the position that stands beside them. */
  message: string
}

/** Text into a value, or where it stops being one. */
export function readJson(text: string): { value: Json } | { fault: JsonFault } {
  try {
    return { value: JSON.parse(text) as Json }
  } catch (error) {
    return { fault: faultOf(text, error instanceof Error ? error.message : String(error)) }
  }
}

function faultOf(text: string, message: string): JsonFault {
  const words = message.replace(/^JSON\.parse: /, '').replace(/ (in JSON )?at (position|line) .*$/, '').replace(/ of the JSON data$/, '')
  // Firefox says line and column, Chromium a position, Safari neither.
  const place = /line (\d+) column (\d+)/.exec(message)
  if (place) return { line: Number(place[1]), column: Number(place[2]), message: words }
  const position = /position (\d+)/.exec(message)
  const end = /Unexpected end/.test(message) ? text.length : null
  const at = position ? Number(position[1]) : end
  if (at === null) return { line: null, column: null, message: words }
  const before = text.slice(0, at)
  return { line: before.split('\n').length, column: at - before.lastIndexOf('\n'), message: words }
}

export const writeJson = (value: unknown): string => JSON.stringify(value ?? null, null, 2)
