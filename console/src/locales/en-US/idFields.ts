import type zhCN from '../zh-CN/idFields'

const messages: typeof zhCN = {
  id_database: { system_code: 'System code', kind: 'Kind', address: 'Address', user: 'User', password: 'Password', database: 'Database' },
  id_table: { database: 'Database', schema: 'Schema', table: 'Table', column: 'Column', key: 'Key', max: 'Maximum', limit: 'Limit', found_at: 'Found' },
  id_key: {
    name: 'Name', system_code: 'System code', database: 'Database', table: 'Table', field: 'Field', in_use: 'In use up to', mode: 'Mode', counter: 'Counts in', sync: 'Synchronous journal', id_type: 'Type of the column', most_ids: 'Most ids per call', anonymous: 'Open to anonymous callers', calls_per_second: 'Calls per second', ids_per_minute: 'Ids per minute', state: 'State',
    used: 'Used', per_day: 'Per day', full_at: 'Forecast', ceiling: 'Given away up to', remaining: 'Remaining', max: 'Limit', origin: 'Began above',
  },
  id_generator: { name: 'Name', kind: 'Kind', settings: 'Settings', expires_at: 'Lasts until', epoch: 'Epoch', pattern: 'Pattern', reset: 'Sequence', time_zone: 'Time zone', start: 'First number', gap_free: 'Without gaps' },
}
export default messages
