/** What the form of the playground holds. */
export interface RequestDraft {
  wire: 'segment' | 'next'
  system_code: string
  db_name: string
  table_name: string
  field_name: string
  name: string
  segment_count: number
  count: number
  idempotent: boolean
  token: string
  apiKey: string
}
