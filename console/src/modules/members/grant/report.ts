import type { ImportError } from './types'

/** The columns of the file; the first three name the person, and one of them is enough. */
export const COLUMNS = ['op', 'username', 'email', 'user_id', 'scope_type', 'scope_id', 'module', 'action', 'expires_at', 'reason'] as const

/** What an empty file begins with. */
export const TEMPLATE = 'op,username,scope_type,scope_id,module,action,expires_at,reason\r\n'

interface CsvRecord {
  /** The line on which it begins, counted from 1. */
  line: number
  cells: string[]
}

/** The records of a CSV text: a quoted line end does not end one. Empty lines are none. */
export function records(text: string): CsvRecord[] {
  const found: CsvRecord[] = []
  const body = text.replace(/^\uFEFF/, '')
  let cells: string[] = []
  let cell = ''
  let quoted = false
  let line = 1
  let begun = 1
  const end = (): void => {
    if (cells.length > 0 || cell !== '') found.push({ line: begun, cells: [...cells, cell] })
    cells = []
    cell = ''
    begun = line
  }
  for (let i = 0; i < body.length; i++) {
    const c = body[i] ?? ''
    if (c === '\n') line += 1
    if (quoted) {
      if (c !== '"') cell += c
      else if (body[i + 1] === '"') {
        cell += '"'
        i += 1
      } else quoted = false
    } else if (c === '"' && cell === '') quoted = true
    else if (c === ',') {
      cells.push(cell)
      cell = ''
    } else if (c === '\n') end()
    else if (c !== '\r') cell += c
  }
  end()
  return found
}

export interface LineProblem {
  column: string | null
  /** What stands there; null where the column does not exist. */
  value: string | null
  error: ImportError
}

export interface LineReport {
  line: number
  /** Whom the line is about, as it names him. */
  who: string
  problems: LineProblem[]
}

/** What is wrong, line by line, with what stands there. */
export function reportOf(errors: readonly ImportError[], csv: string): LineReport[] {
  const [head, ...rows] = records(csv)
  const places = new Map((head?.cells ?? []).map((name, index) => [name.trim().toLowerCase(), index]))
  const byLine = new Map(rows.map((row) => [row.line, row.cells]))
  const cell = (line: number, column: string): string | null => byLine.get(line)?.[places.get(column) ?? -1] ?? null
  const lines = new Map<number, LineReport>()
  for (const error of errors) {
    const { line, column } = error
    const who = cell(line, 'username') || cell(line, 'email') || cell(line, 'user_id') || ''
    const report = lines.get(line) ?? { line, who, problems: [] }
    report.problems.push({ column, value: column ? cell(line, column) : null, error })
    lines.set(line, report)
  }
  return [...lines.values()].sort((a, b) => a.line - b.line)
}

/** How often what is wrong: one mistake often runs through a whole column. */
export function summaryOf(errors: readonly ImportError[]): { code: string; column: string | null; n: number }[] {
  const counts = new Map<string, { code: string; column: string | null; n: number }>()
  for (const { code, column } of errors) {
    const key = `${column ?? ''} ${code}`
    const one = counts.get(key) ?? { code, column, n: 0 }
    one.n += 1
    counts.set(key, one)
  }
  return [...counts.values()].sort((a, b) => b.n - a.n)
}
