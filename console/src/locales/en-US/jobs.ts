import type zhCN from '../zh-CN/jobs'

const messages: typeof zhCN = {
  group: 'Jobs and schedules', group_platform: 'Job operations',
  state: {
    all: 'All', several: 'Click to see only this state, Shift-click to choose several', scheduled: 'Scheduled', ready: 'Ready', running: 'Running', failed: 'Will retry', dead: 'Dead', succeeded: 'Succeeded', cancelled: 'Cancelled', cancelling: 'Cancelling',
  },
  outcome: { succeeded: 'Succeeded', failed: 'Failed, retried', dead: 'Dead', cancelled: 'Cancelled' },
  watching: { connecting: 'Connecting', live: 'Live', polling: 'Polling', over: '' },
  progress: { title: 'Progress', of: '{done} of {total}', done: '{done} done', percent: '{n}%', note: { check: 'Checking rows', import: 'Writing rows', undo: 'Taking rows back', export: 'Reading rows', read: 'Reading the database', apply: 'Setting counters' } },
  chart: { keys: 'The arrow keys left and right read each point in time', time: 'Time', p50: 'Median', p95: '95th percentile' },
  overview: {
    title: 'Overview', show: 'Show overview', hide: 'Hide overview', range: 'Range', hours_1: '1 hour', hours_24: '24 hours', hours_168: '7 days',
    done: 'Succeeded', rate: 'Success rate', retried: 'Failed, retried', dead: 'Dead', oldest: 'Longest wait now', finished: 'Finished jobs', wait: 'Time waited', run: 'Time run', kinds: 'By kind', no_kinds: 'Nothing finished during this time', only: 'Only {kind}',
  },
  job: {
    title: 'Jobs', text: 'Work that is done in the background: what runs, what waits and what is over.', one: 'Job', create: 'New job', created: 'Job created', submit: 'Start job',
    empty_title: 'No jobs yet', empty_text: 'Schedules, imports, exports and you yourself make jobs; they appear here.', search: 'Kind, tag or argument', mine: 'Mine only', from: 'Created from', to: 'Created until', only_tag: 'Only the tag “{tag}”',
    duration: 'Duration', details: 'Details', last_error: 'Last error', waits: 'Waits for {n} other jobs',
    when: 'When', when_now: 'Now', when_later: 'Later', when_at: 'At a time', delay: 'seconds from now', more: 'More options', priority_help: 'Higher numbers go first', unique_help: 'Only one unfinished job may have this key', tags_help: 'Type, then press Enter',
  },
  kind: {
    title: 'Job kinds', text: 'Everything that the product can do as a job, and how long finished ones are kept.', choose: 'Choose what to do', choose_first: 'Choose what to do first; its arguments come next.', group_organization: 'For organisations', group_platform: 'For the platform', group_dev: 'For development',
    audience: 'Used by', audience_organization: 'Organisations', audience_platform: 'Platform', audience_internal: 'Internal', timeout: 'Time limit', retention: 'Kept for', days: '{n} days', dev_only: 'Development only', reset: 'Default', own: '{n} days by default',
  },
  args: {
    title: 'Arguments', how: 'How to enter', form: 'Form', json: 'JSON', none: 'No arguments.', add: 'Add', remove: 'Remove', set: 'Fill in', unset: 'Leave out', map_name: 'Name', map_value: 'Value', secret_kept: 'Secret, stays as it is', secret_replace: 'Replace',
    json_good: 'Valid JSON', json_empty: 'Empty', json_tidy: 'Tidy up', json_bad: 'Not valid JSON: {message}', json_bad_at: 'Line {line}, column {column}: {message}',
  },
  action: {
    retry: 'Retry', retry_now: 'Retry now', retried: 'Queued again', cancel: 'Cancel job', cancelled: 'Cancelled', cancel_asked: 'Asked to stop', cancel_confirm: 'Cancel this job?', cancel_running_confirm: 'This job is running. Ask it to stop?', delete_confirm: 'Delete this job with its log and files? This cannot be undone.',
    again: 'Run again', again_text: 'Makes another job of this kind with these arguments. This one stays as it is.',
  },
  bulk: {
    retry: 'Retry', cancel: 'Cancel jobs', delete: 'Delete', confirm_retry: 'Retry the {n} selected jobs?', confirm_cancel: 'Cancel the {n} selected jobs?', confirm_delete: 'Delete the {n} selected jobs? This cannot be undone.', partly: '{ok} done, {failed} not applicable or failed (at most 1,000 at a time)',
  },
  timing: { created: 'Created', due: 'Due', started: 'Started', finished: 'Finished', in: 'in {time}', waited: 'waited {time}', waiting: 'waiting for {time}', running: 'running for {time}', ran: 'ran {time}' },
  attempt: {
    title: 'Failed attempts', nth: 'Attempt {n}', of: '{n} of at most {max}', none: 'No attempt has failed yet.', first_go: 'No attempt failed.', fence: 'token {n}', fence_help: 'A number that rises with each claim of this job', fold: 'Show less',
    outcome: { failed: 'Failed', timed_out: 'Timed out', panicked: 'Panicked', lost: 'Lost', cancelled: 'Cancelled', handed_back: 'Handed back' },
  },
  logs: { title: 'Log', count: '{n} lines', follow: 'Follow', problems: 'Problems only ({n})', save: 'Save the log', none: 'Nothing was logged.', none_yet: 'Nothing logged yet.' },
  file: { title: 'Files', until: 'expires', download: 'Download', get: 'Download {name}' },
  schedule: {
    title: 'Schedules', text: 'They make jobs at the times you set. A change is in force within a second.', one: 'Schedule', create: 'New schedule', empty_title: 'No schedules yet', empty_text: 'Create one, and recurring work does itself.',
    when: 'When', what: 'What', rules: 'Rules', on: 'Runs on time', off: 'Paused', kind: { cron: 'Calendar', interval: 'Interval', once: 'Once' }, unit: 'Unit', unit_seconds: 'seconds', unit_minutes: 'minutes', unit_hours: 'hours', unit_days: 'days',
    at_once: 'At once', never: 'Never', every: 'Every {time}', once_at: 'Once, {time}', paused: 'Paused', over: 'Does not run again', due: 'Due now', next_title: 'In {zone}; for you: {own}', last_open: 'Open the last job', missed: '{n} missed',
    run_now: 'Run now', started: 'Job created', enabled: 'Enabled', disabled: 'Paused', source_code: 'Code', locked: 'This schedule is declared in code. Here it can only be enabled or paused.',
    misfire: { skip: 'Skip', once: 'Run once', all: 'Run all' },
    misfire_text: { skip: 'What was missed is missed; the next time counts.', once: 'Runs once as soon as possible, however many times were missed.', all: 'Makes up for every missed time, up to the limit below.' },
    overlap: { skip: 'Skip', queue: 'Queue', allow: 'Allow' },
    overlap_text: { skip: 'Does not run while the previous run is not over.', queue: 'Waits until the previous run is over.', allow: 'Starts anyway, beside the previous run.' },
    jitter_help: 'Each run starts up to so many seconds later, by chance, so that not all start at once', queue_help: 'Empty means the kind’s own queue',
  },
  cron: {
    how: 'How to say when', every: 'Every', at: 'at', at_minute: 'at minute', on_day: 'on the', day: 'day {n}', last_day: 'last day', unit_seconds: 'seconds', unit_minutes: 'minutes', unit_hourly: 'hours',
    mode: { seconds: 'Seconds', minutes: 'Minutes', hourly: 'Hours', daily: 'Daily', weekly: 'Weekly', monthly: 'Monthly', custom: 'Custom' },
    field: { second: 'second', minute: 'minute', hour: 'hour', day: 'day', month: 'month', weekday: 'weekday', year: 'year' },
    help: 'Five fields are standard cron (Sunday is 0 or 7). Six or seven are Quartz: with seconds and year, with L, W, # and ?, and Sunday is 1.',
  },
  preview: { title: 'The next ten times', incomplete: 'Once you have said when, the next times stand here.', never: 'It will not run again.', wrong: 'Please check the time.', yours: 'Yours ({zone})', away: 'From now', first: 'The first {time}', shift: 'The clocks change before this' },
  history: { title: 'Runs', counts: '{runs} runs · {missed} missed · {skipped} skipped', none: 'It has not run yet.', chart: 'Duration and outcome of the last runs' },
  alert: {
    title: 'Job alerts', text: 'A mail or a webhook when jobs pile up or fail. Checked every minute.', one: 'Alert', create: 'New alert', empty_title: 'No alerts yet', empty_text: 'Create one to know of trouble as soon as there is some.',
    metric: { oldest_ready_seconds: 'How long the oldest job that could run has been waiting.', dead_count: 'How many jobs have used up their attempts and will not run by themselves.', missed_ticks: 'How often a schedule did not run on time.', ids_low: 'How many keys of ids will be full within 30 days, are exhausted, or are in quarantine.' },
    unit: { oldest_ready_seconds: 'seconds', dead_count: 'jobs', missed_ticks: 'times', ids_low: 'keys' }, target: { mail: 'Address', webhook: 'Webhook URL' },
    target_help: { mail: 'The mail goes to this address.', webhook: 'Gets a POST with JSON: alert, metric, value and threshold.' }, quiet_help: 'After one message it stays quiet for so long', minutes: 'minutes',
  },
  queue: {
    title: 'Queues', text: 'How full each queue is, how fast it moves and how long jobs wait.', open: 'Open', paused: 'Paused', pause: 'Pause', resume: 'Resume', paused_done: 'Paused', resumed: 'Resumed', pause_confirm: 'Pause the queue “{name}”? What runs goes on; nothing new starts until it is resumed.',
    depth: 'Depth', throughput: 'Throughput', latency: 'Wait (95 %)', failure: 'Failure rate', nothing_waits: 'nothing waits', oldest: 'oldest {time}', per_minute: 'finished a minute', median: 'median {time}', of_finished: 'of what finished', trend: '{what} over time', empty_title: 'No queues yet', empty_text: 'Queues appear with their first job.', note: 'Figures are of the last 10 minutes; the curves begin when this page was opened.',
  },
  worker: {
    title: 'Workers', text: 'The processes that do the jobs, and what each is doing now.', alive: 'Alive', gone: 'Gone', heartbeat: 'heartbeat {time} ago', slots: 'Slots', used: '{n} of {all}', version: 'Version', since: 'Started', queues: 'Queues', idle: 'Idle', alive_count: 'Workers alive', slots_used: 'Slots in use', versions: 'Version', mixed: 'The workers run different versions', empty_title: 'No workers', empty_text: 'Start tenon worker, or serve without --no-worker.',
  },
  platform: {
    jobs: 'All jobs', jobs_text: 'The jobs of every organisation, without arguments and results.', schedules: 'Product schedules', schedules_text: 'The product’s own recurring work, declared in code.', product: 'The product', no_args: 'Platform administrators do not see arguments, results and logs of an organisation’s jobs.', disable: 'Pause', disable_confirm: 'Pause “{name}”? The product stops doing this.',
  },
  long: {
    export_title: 'Export', export_text: 'The file is made in the background; fetch it when it is done.', export_rows: '{n} rows. The file is made in the background; fetch it when it is done.', export_long: '{n} rows are many, so the file is made in the background; fetch it when it is done.', export_later: 'Export in the background…', format: 'File format', xlsx: 'Excel (XLSX)', csv: 'CSV', start: 'Start',
    rows: 'About {n} rows', background: 'In the background', background_help: 'Better for more than 5,000 rows: this window can be closed and the work cancelled.', may_close: 'You can close this window; the work goes on.', open: 'Show the job',
    waiting: 'Waiting for its turn', again: 'Something failed; it will be tried again', running_export: 'Making the file', running_import: 'Importing', running_check: 'Checking', stopping_export: 'Stopping', stopping_import: 'Taking back what was imported', stopping_check: 'Stopping',
    succeeded_export: 'The file is ready', succeeded_import: 'Done', succeeded_check: 'Checked', dead_export: 'The export failed', dead_import: 'The import failed', dead_check: 'The check failed', cancelled_export: 'The export was cancelled', cancelled_import: 'The import was cancelled; everything it had brought was taken back', cancelled_check: 'The check was cancelled',
    cancel_export: 'Cancel export', cancel_import: 'Cancel and take back', cancel_check: 'Cancel check', cancel_export_confirm: 'Cancel this export?', cancel_import_confirm: 'Cancel this import? What it has brought so far is taken back.', cancel_check_confirm: 'Cancel this check?', export_of: 'Export · {what}', import_of: 'Import · {what}', check_of: 'Import check · {what}',
  },
  tray: { title: 'My jobs: {n} running', own: 'My jobs', clear: 'Clear finished', dismiss: 'Dismiss' },
}
export default messages
