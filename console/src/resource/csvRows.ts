/** Above so many rows an import or export is work for a job, not for a request. */
export const LONG = 5000

/** The records of a CSV file without its head, read as a stream: a quoted line end does not end a record. */
export async function csvRows(file: Blob): Promise<number> {
  const reader = file.stream().getReader()
  let quoted = false
  let rows = 0
  let filled = false
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    for (const byte of value) {
      if (byte === 34) quoted = !quoted
      if (byte === 10 && !quoted) {
        if (filled) rows += 1
        filled = false
      } else if (byte !== 13) filled = true
    }
  }
  if (filled) rows += 1
  return Math.max(0, rows - 1)
}

/** Of a workbook only the size is known beforehand: packed rows take some 40 bytes each. */
export function looksLong(file: File, rows: number | null): boolean {
  return rows !== null ? rows > LONG : file.size > LONG * 40
}
