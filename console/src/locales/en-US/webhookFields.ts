import type zhCN from '../zh-CN/webhookFields'

const messages: typeof zhCN = {
  webhook_endpoint: {
    name: 'Name', url: 'URL', description: 'Description', event_types: 'Events', enabled: 'Enabled', state: 'State', disabled_reason: 'Why disabled', last_success_at: 'Last success', last_failure_at: 'Last failure', failing_since: 'Failing since', created_at: 'Created', created_by: 'Created by', updated_at: 'Changed', id: 'Id',
    values: { disabled_reason: { by_hand: 'Disabled by hand', failing: 'Nothing but failures', gone: 'The receiver is gone' }, state: { active: 'Active', failing: 'Failing', disabled: 'Disabled' } },
  },
  webhook_delivery: { event_type: 'Event', endpoint_name: 'Endpoint', state: 'State', attempts: 'Tries', created_at: 'Happened', finished_at: 'Finished', next_at: 'Next try', message_id: 'Message id', last_status: 'Result' },
}
export default messages
