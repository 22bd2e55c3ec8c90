import type zhCN from '../zh-CN/webhooks'

const messages: typeof zhCN = {
  group: 'Webhooks',
  state: { all: 'All', active: 'Active', failing: 'Failing', disabled: 'Disabled', pending: 'Pending', delivered: 'Delivered', failed: 'Failed', held: 'Held' },
  event_group: { permission: 'Permissions', role: 'Roles', user: 'Users', ping: 'Test' },
  endpoint: {
    title: 'Endpoints', text: 'When something changes in the organisation, Tenon sends a signed message to these addresses.', one: 'Endpoint', detail: 'Endpoint', create: 'New endpoint', empty_title: 'No endpoints yet', empty_text: 'Make an endpoint, and changes of permissions and users reach your system at once.',
    url_help: 'Receives JSON by POST; an answer of 2xx means delivered. Redirects are not followed, and ten seconds without an answer are a timeout.', url_rule: 'Must be a whole address that begins with https:// or http://, without user name and password', plain_http: 'Without TLS, others on the way can read the messages.', enabled_help: 'Disabled, nothing is sent, and new messages are held.', secret_comes: 'The secret that signs is shown after saving, and only then.',
    all_events: 'All events', only_events: 'Only these', all_events_text: 'Every event is sent, kinds that are yet to come included.', none_chosen: 'Choose at least one', lost_events: 'Kinds that there are no more',
    since: 'since', began: 'Began {time}', reason: { by_hand: 'Disabled by hand', failing: 'Disabled after nothing but failures', gone: 'The receiver is gone' },
    reason_text: { by_hand: 'What happens meanwhile is held; once it is enabled again, “Replay” sends it.', failing: 'Five days passed without one success, so it was disabled. Mend the receiver and enable it again; “Replay” sends what was held.', gone: 'The receiver answered 410 (gone), so it was disabled. Correct the URL and enable it again.' },
    failing: 'The newest tries all failed', failing_text: 'Messages are still tried again, at growing intervals. After five days of nothing but failures the endpoint is disabled.', enable: 'Enable again', enabled: '“{name}” is enabled', delete_confirm: 'Delete “{name}”? Nothing is sent to it any more. It can be restored from the trash.',
    health: 'Health', details: 'Details', verify: 'Verify the signature', verify_text: 'Every message is signed as Standard Webhooks say. A receiver verifies it before it believes it. A message may come more than once: webhook-id tells.', verify_note: 'The sample reads the secret from the environment variable',
  },
  secret: {
    title: 'Signing secret', plural: 'Signing secrets', made: 'The signing secret of “{name}”', rotated: 'The new signing secret of “{name}”', once: 'This secret is shown now and never again. Copy it and keep it in a safe place.', previous_until: 'The secret before it signs too until', previous_ended: 'The secret before it signs no more.', kept: 'I have kept it', created: 'made', signs_until: 'Signs too until',
  },
  rotate: {
    action: 'Rotate secret', title: 'Rotate the secret of “{name}”', text: 'Makes a new secret and shows it once. For a while every message carries both signatures, so that the receiver can change over in peace.', overlap: 'The old secret signs for', hours_unit: 'hours (0 to 168)', overlap_at_once: 'Ends at once', overlap_hours: '{n} h', overlap_days: '{n} d', at_once: 'The old secret signs no more; a receiver that still has it refuses what comes next.', until: 'The old secret signs too until {time}.', submit: 'Rotate secret',
  },
  ping: { submit: 'Send a test', title: 'Test “{name}”', sending: 'Sending…', sent: 'Sent.', again: 'Send another', open: 'Open this delivery' },
  replay: {
    action: 'Replay', title: 'Replay messages to “{name}”', text: 'Sends the messages of some time once more. They keep their ids, by which a receiver knows them. Thirty days back at most.', since: 'From', until: 'To', now: 'Now', last_hour: 'Last hour', last_day: 'Last day', last_days: 'Last {n} days', events: 'Events', all_events: 'All that the endpoint is sent', which: 'Which messages', only_failed: 'Not delivered', all: 'All', only_failed_text: 'Only those that failed or are held.', all_text: 'Those that were delivered are sent again too.', submit: 'Replay',
    problem: { missing: 'Choose when to begin', too_old: 'Messages older than 30 days are gone', future: 'Must be before now', order: 'Must be after the beginning' }, begun: 'Messages being sent again: {n}', nothing: 'No message of that time fits', to_deliveries: 'See the deliveries', to_job: 'See the job',
  },
  delivery: {
    title: 'Deliveries', text: 'What became of each message for each endpoint: when it was tried, what the receiver said, and when it is tried next.', one: 'Delivery', empty_title: 'No deliveries yet', empty_text: 'Once there is an endpoint, what happens appears here; a test message does too.', recent: 'Latest deliveries', none_yet: 'Nothing was delivered yet. Send a test to begin with.', result: 'Result', from: 'Happened from', to: 'Happened until',
    again: 'Redeliver', again_done: 'Queued again', endpoint_gone: 'Endpoint deleted', live: 'Live', next_in: 'next try in {time}', now: 'being tried', http: 'HTTP {status}', answered: 'Answered {status} in {time}', status_was: 'Answered {status}', round: 'Tries of this round: {n} of {max}',
    mark: { good: 'Succeeded', lost: 'Failed', next: 'Next', open: 'Not used yet', spared: 'Not needed' }, state_text: { failed: 'All tries have failed', held: 'Held while the endpoint is disabled', delivered: 'Delivered' },
    error: { status: 'No answer of 2xx', timeout: 'Timed out', unreachable: 'Not reachable', refused: 'This address may not be reached', invalid: 'Invalid answer' },
    tries: 'Tries', no_tries: 'Not tried yet.', nth: 'Try {n}', new_round: 'new round', fold: 'Fold', unfold: 'Unfold', response: 'What the receiver said', no_response: 'Without a body.', body: 'Body', readable: 'Readable', as_sent: 'As sent', body_text: 'The signature is of the bytes as they are sent.', message_id_text: 'What the receiver sees in the header webhook-id. It stays the same when it is redelivered.',
  },
}
export default messages
