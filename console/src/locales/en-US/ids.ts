import type zhCN from '../zh-CN/ids'

const messages: typeof zhCN = {
  group: 'ID service',
  big: { wrong: 'Enter a whole number', count: '{n} ids' },
  tab: { overview: 'Overview', journal: 'Journal', spans: 'Unattributed', owner: 'Who got this id', settings: 'Settings' },
  database: {
    title: 'Databases', text: 'The databases whose ids this service gives out. Each is looked at once a minute; new tables wait for approval.', create: 'Add a database', empty_title: 'No databases yet', empty_text: 'Add a database; after a dry run its tables can get their ids here.',
    all: 'All databases', address_user: 'Address / user', waiting: 'Tables waiting', scan: 'Last scan', scan_ok: 'Fine', scan_failed: 'Failed', scan_tables: '{n} tables', never_scanned: 'Not scanned yet',
    system_code_help: 'By which clients tell systems apart; capitals make no difference.', address_help: 'Host and port; without a port it is {port}.', database_help_other: 'Empty means every database of the server.', database_help_oracle: 'The service name; empty means ORCL.',
    password_kept: 'Unchanged', password_none: 'None stored', password_change: 'Change', password_keep: 'Keep the stored password',
    rename_note: 'The {n} keys are renamed with it ({system}:…) and keep their counters: no id is issued twice.',
  },
  test: { title: 'Test connection', text: 'Connects and reads the catalogue; changes nothing.', ok: 'Connected', failed: 'Could not connect', milliseconds: '{n} ms', product: 'Product', databases: 'Databases', tables: 'Tables', more: '{n} more' },
  removal: {
    title: 'Delete the database “{name}”', touches: 'This touches', retires: 'Keys retired, which issue no more: {n}', forgets: 'Discovered tables forgotten: {n}', spares: 'This does not touch', keeps_tables: 'Your tables and their rows: not one is changed',
    keeps_journal: 'Journals and counters of the keys: added again, they go on above where they stood', keeps_siblings: 'Other configurations of this system:',
  },
  initialize: {
    title: 'Initialize', open: 'Dry run', do: 'Initialize', text: 'First a dry run: the highest value of each table is compared with its counter, nothing is written. Initializing then creates counters or raises them, and never lowers one.',
    confirm: 'Keys to create: {create}, to raise: {raise}. Counters only rise. Start?', nothing: 'Every key is ready; there is nothing to initialize.', last: 'Last initialization: {time}', result: 'Result', created: 'Created', raised: 'Raised', kept: 'Kept', skipped: 'Skipped', failed: 'Failed',
  },
  plan: {
    title: 'Dry run', again: 'Run again', all: 'All', actions: 'Action', search: 'Search table or column', counter: 'Counter now', table_max: 'Table maximum', what: 'Action', shown: '{n} of {all} shown', more: 'Show more', truncated: 'There are very many tables: only the first {n} rows are listed. Initializing does them all.',
    empty_title: 'No tables were found', empty_text: 'Check that the account may read these databases.',
    action: { create: 'Create', raise: 'Raise', revive: 'Revive', keep: 'Keep', skip: 'Skip', error: 'Error' },
    reason: { no_key: 'No primary key', not_integer: 'The primary key is no integer', is_view: 'A view', above_limit: 'The maximum is above what the column can hold', unreadable: 'Cannot be read', name_too_long: 'The name is too long', quarantined: 'The key is in quarantine' },
  },
  table: {
    title: 'Discovered tables', text: 'Tables that were found and have no key yet. Approving one makes its counter, which begins above the highest value in the table.', any_database: 'All databases', approve: 'Approve', ignore: 'Ignore', reset: 'Decide again', approve_all: 'Approve all', approve_all_confirm: 'Approve all {n} tables that wait?',
    approved_all: '{n} tables approved', done_approve: '“{name}” is approved', done_ignore: '“{name}” is ignored', done_reset: '“{name}” waits again', report_title: 'Some tables could not be approved', report_text: '{approved} approved, {failed} failed:',
    state: { waiting: 'Waiting', approved: 'Approved', ignored: 'Ignored', vanished: 'Vanished' },
    empty_waiting: 'No table waits', empty_approved: 'None approved yet', empty_ignored: 'None ignored', empty_vanished: 'None vanished', empty_text: 'A table that is created in one of your databases appears here within a minute.',
  },
  key: {
    title: 'Keys', text: 'Each key is a counter, and none of its ids is ever issued twice.', one: 'Key', detail: 'One key', create: 'New key', pick: 'Search for a key', empty_title: 'No keys yet', empty_text: 'Add a database and initialize it, or create a key by hand.', sort: 'Order', sort_name: 'By name', sort_used: 'Most used first', sort_full_at: 'Full soonest first',
    state: { all: 'All', active: 'Active', low: 'Low', quarantined: 'Quarantined', exhausted: 'Exhausted', retired: 'Retired' },
    mode: { buffered: 'Buffered', strict: 'Strict' },
    mode_text: { buffered: 'Nodes lease blocks and issue from memory: fastest. Ids rise on each node only.', strict: 'Ids rise over all nodes, in one order.' },
    counter: { sql: 'Database', redis: 'Redis' }, counter_text: { sql: 'Every allocation writes to the database.', redis: 'The database gives Redis a stretch at a time: faster. While Redis is away nothing is issued, and what it loses nobody gets.' },
    by: 'Named by', by_parts: 'A column of a table', by_name: 'A name', name_help: 'In lower case; for ids that go into no column.', in_use_help: 'Ids up to this one count as used; the first one issued is the next.', settings: 'Settings', facts: 'Facts', synced: 'journal before answer',
    id_type_help: 'Up to {max}', most_ids_help: 'The most ids of one call, up to 1,000,000.', block: 'Block size', block_least: 'Smallest block', block_most: 'Largest block', block_help: 'How many ids a node leases at a time; grows and shrinks with use.',
    sync_help: 'A range is in the journal before its answer leaves. Otherwise lines are written in groups soon after, and what a kill leaves unwritten shows as unattributed.', anonymous_help: 'Clients without an API key may allocate too.', calls_help: 'Calls that a node answers in a second; 0 for no limit.', minute_help: 'Ids that a node gives one caller in a minute; 0 for the general rule.', settle_help: 'Saving takes about a second: every node has to know.',
  },
  forecast: { title: 'Forecast', in: 'full in {time}', full: 'full', unknown: 'rate not known yet', still: 'not in use at present', never: 'not within 1,000 years', retired: 'retired', rate: '{n} per day', caption: '{used} used of {limit}', limit: 'Limit {n}', now: 'today · {n}', no_line: 'The line appears once the key is in use.' },
  usage: { title: 'Use', range: 'Range', hours_1: '1 h', hours_24: '24 h', hours_168: '7 d', hours_720: '30 d', ids: 'Ids issued', sum: 'ids in {calls} calls', calls: '{n} calls', callers: 'Callers', anonymous: 'Anonymous', none: 'Nothing was issued during this time' },
  quarantine: {
    title_behind_journal: 'The counter is below the journal', title_behind_issued: 'The counter is below ids that were issued', title_behind_table: 'The counter is below the table', title_overlap: 'Ids were written down twice', title_asked: 'Somebody put it into quarantine',
    text_behind_journal: 'The journal or a node knows of higher ids that were given away, and the stored counter is lower: most likely it was restored from an older copy. Issuing on would repeat ids.', text_behind_issued: 'A node remembers that it issued higher ids than the stored counter says. Issuing on would repeat them.', text_behind_table: 'The table holds ids above the counter: somebody may have written them without asking. Issuing on would repeat them.', text_overlap: 'Two lines of the journal, or two nodes, claim the same ids. Find out who used them, then release the key above.', text_asked: 'Issuing was stopped so that somebody can look. Afterwards release the key at the highest id that is known, or above.',
    meanwhile: 'In quarantine nothing is issued and requests get 503; ids that were issued stay as they are.', release: 'Release', release_at: 'Release at or above', release_help: 'Not below any id that is known to be given away; the first one issued is the next. What lies between is written down as skipped.', released: 'Released; it issues again', use: 'Use {n}',
  },
  action: {
    more: 'More actions', allocate: 'Allocate', above_limit: 'Not above the limit, {max}', not_higher: 'Must be above {ceiling}, where it stands', reason: 'Reason',
    raise: 'Raise', raise_to: 'Raise to', raise_text: 'Ids up to this one are never issued and written down as skipped. A counter only rises; this cannot be undone.', raised: 'Raised',
    rename: 'Rename', rename_text: 'Counter and journal stay with the key. Clients that use the old name get no ids any more.', renamed: 'Renamed',
    return: 'Return a range', return_text: 'Hands back a whole range that was never used, so that it can be issued again. Only the newest range, and only when it is certain that nothing has used it.', returned: 'Returned',
    check: 'Check for overlaps', check_text: 'Reads the whole journal for ids that were written down twice. The key goes into quarantine when there are any.', check_again: 'Check again', check_clean: 'No overlaps: every id has one owner.', check_found: '{n} overlaps were found; the key is in quarantine.',
    quarantine: 'Quarantine', quarantine_text: 'Stops issuing at once, until somebody releases the key.', quarantined: 'In quarantine',
    retire: 'Retire', retire_confirm: 'Retire “{name}”? It issues no more. Journal and counter stay, and it can be revived.', retired: 'Retired', revive: 'Revive', revive_confirm: 'Let it issue again? It goes on above where it stood.', revived: 'Revived',
  },
  line: {
    range: 'Ids', start: 'From', end: 'To', count: 'Count', kind: 'What became of them', caller: 'Caller', at: 'When', request: 'Request', node: 'Node',
    kind_issued: 'Issued', kind_returned: 'Returned', kind_skipped: 'Skipped', kind_dropped: 'Dropped', kind_held: 'Held by a node', kind_unattributed: 'Unattributed', kind_before: 'Before the key', kind_free: 'Not issued',
  },
  journal: { text: 'What became of the ids, in their order.', from: 'Begin at this id', go: 'Go', start: 'To the start', back: 'Previous', next: 'Next', empty_title: 'The journal is empty', empty_text: 'It begins with the first id that is issued.', empty_above: 'Nothing is written from this id on' },
  spans: { text: 'Ids that were given to a node and of which no line speaks yet. What a living node holds is still to be issued; what a vanished one held somebody may have got, so it is never issued again.', leased: 'Leased', empty_title: 'Everything is accounted for', empty_text: 'A line of the journal speaks of every id that was given away.' },
  owner: {
    title: 'Who got an id', text: 'To whom an id was issued, when, and with which request.', value: 'Id', ask: 'Look up', how: 'Choose a key and enter an id to see what became of it.',
    state_issued: '{id} was issued to {caller}.', state_returned: '{id} was issued to {caller}, then returned; it may be issued again.', state_skipped: '{id} was given to nobody: the counter was raised above it.', state_dropped: '{id} was given to nobody: a node let go of the rest of its block.',
    state_held: '{id} is held by a node, which has not issued it, or has only just done so.', state_unattributed: '{id} was given to a node that has vanished. Somebody may have got it; it is never issued again.', state_before: '{id} was in use before the key began, so nothing is written of it.', state_free: '{id} has not been issued.',
  },
  playground: {
    title: 'Playground', text: 'Allocate ids for real, and take along the code that does the same.', wire: 'Endpoint', wire_segment: 'A segment', wire_next: 'Next ids', wire_segment_text: 'POST /api/segment/allocate, which existing clients speak.', wire_next_text: 'POST /api/ids/next, by the name of a key; for generators too.',
    pick: 'Key', pick_help: 'Fills in its names; they can be typed as well.', name_help: 'The name of a key or a generator.', count: 'Count', api_key: 'API key', api_key_help: 'Optional: in whose name. Keys that are closed to anonymous callers need one.', api_key_needed: 'This service demands one; empty means as yourself.', token: 'Value of the Idempotency-Key', new_token: 'Another one',
    idempotency: 'A retry with the same value gets the same ids after a broken connection, and takes no more. Use another value for each new request.',
    result: 'Result', none_yet: 'What you get is shown here.', refused: 'It was refused', retry_after: 'try again in {n} s', again: 'the same range again', to_journal: 'Show in the journal', raw: 'Answer as it came', samples: 'Code', key_note: 'The samples read the API key from the environment:',
  },
  generator: {
    title: 'Generators', text: 'Ids that are no counters: sorted by time, unique everywhere, or numbers with a date that people read.', create: 'New generator', empty_title: 'No generators yet', empty_text: 'For instance numbers of invoices that begin at 1 every day.', name_help: 'By which ids are asked for; shared with keys.',
    kind: { counter: 'Counter', snowflake: 'Snowflake', snowflake53: 'Snowflake, 53 bits', uuid7: 'UUIDv7', ulid: 'ULID', number: 'Number' },
    kind_text: { snowflake: 'A 64-bit integer, sorted by time; fits a BIGINT.', snowflake53: 'A 53-bit integer, exact as a number of a browser.', uuid7: '128 bits, a UUID sorted by time; nothing to set.', ulid: '26 characters, sorted by time, capitals make no difference.', number: 'For people to read: text, the date and a sequence.' },
    reset: { never: 'Never begins again', day: 'Begins again every day', month: 'Begins again every month', year: 'Begins again every year' },
    pattern_help: 'What stands in braces is replaced by the date and the sequence; the rest stays.', gap_free: 'without gaps', gap_free_help: 'No number is left out. Each call needs an Idempotency-Key, and callers of one period wait for each other, which is slower.', epoch_help: 'Time is counted from here, which decides when it runs out. It cannot be changed later.', epoch_fixed: 'It stays: ids of two epochs may be the same. Make another generator.',
    since: 'since {time}', never: 'Never', preview: 'Preview', check: 'Please check what you entered.', expires: 'Lasts until {time}', delete_confirm: 'Delete the generator “{name}”? Clients that use it get no ids any more.', try: 'Try', try_title: 'Try “{name}”', try_text: 'Makes ids for real, which are gone afterwards.', make: 'Make',
  },
  decode: { title: 'Decode', text: 'What an id says of itself: its kind, when it was made, by which worker.', id: 'Paste an id', key: 'Generator', needs_key: 'This one says something only together with its generator: choose it.', go: 'Decode', kind: 'Kind', at: 'Made', worker: 'Worker', sequence: 'Sequence', date: 'Period' },
}
export default messages
