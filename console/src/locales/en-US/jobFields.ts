import type zhCN from '../zh-CN/jobFields'

const messages: typeof zhCN = {
  job: {
    kind: 'Job', state: 'State', progress: 'Progress', attempt: 'Attempt', run_at: 'Run at', queue: 'Queue', priority: 'Priority', finished_at: 'Finished', unique_key: 'Unique key', worker: 'Worker', tag: 'Tag', tags: 'Tags', schedule_id: 'Schedule', scheduled_for: 'Scheduled for', max_attempts: 'Attempts at most', lease_until: 'Lease until', waits: 'Waits', error: 'Error', result: 'Result', org_id: 'Organisation', args: 'Arguments', started_at: 'Started',
  },
  schedule: {
    name: 'Name', description: 'Description', kind: 'Repeats', expression: 'When', every_seconds: 'Interval', at: 'Moment', time_zone: 'Time zone', starts_at: 'From', ends_at: 'Until', jitter_seconds: 'Jitter (seconds)', misfire: 'When a time was missed', misfire_limit: 'Make up for at most', overlap: 'When the last run is not over', job_kind: 'Job', args: 'Arguments', queue: 'Queue', priority: 'Priority', enabled: 'Enabled', source: 'Source', next_at: 'Next run', last_at: 'Last run', runs: 'Runs', last_state: 'Last outcome',
    values: { kind: { cron: 'Calendar', interval: 'Interval', once: 'Once' }, source: { user: 'User', code: 'Code' }, misfire: { skip: 'Skip', once: 'Run once', all: 'Run all' }, overlap: { skip: 'Skip', queue: 'Queue', allow: 'Allow' } },
  },
  job_alert: {
    name: 'Name', metric: 'Metric', threshold: 'Threshold', channel: 'Channel', target: 'Sent to', enabled: 'Enabled', quiet_minutes: 'Quiet for', last_fired_at: 'Last fired', last_value: 'Last value',
    values: { metric: { oldest_ready_seconds: 'Longest wait', dead_count: 'Dead jobs', missed_ticks: 'Missed runs', ids_low: 'Keys of ids running low' }, channel: { mail: 'Mail', webhook: 'Webhook' } },
  },
}
export default messages
