import { defineResource } from '@/resource/types'
import { DELIVERIES, NAMES } from '../api'
import type { Delivery } from '../types'
import { lookAtListAgain } from './live'

export const definition = defineResource<Delivery>({
  name: NAMES.delivery,
  path: DELIVERIES,
  permission: 'webhooks:delivery',
  i18n: 'webhooks.delivery',
  fields: 'webhook_delivery',
  columns: [
    { key: 'event_type', sort: false },
    { key: 'endpoint_name', sort: false },
    { key: 'state', width: '120px', sort: false },
    { key: 'last_status', label: 'webhooks.delivery.result', width: '200px', sort: false },
    { key: 'attempts', width: '80px', sort: false },
    { key: 'created_at', type: 'relative', width: '140px' },
    { key: 'finished_at', type: 'datetime', hidden: true },
    { key: 'next_at', type: 'datetime', hidden: true },
    { key: 'message_id', type: 'mono', hidden: true, sort: false },
  ],
  filters: [{ name: 'created_at', type: 'datetime', sort: true }, { name: 'finished_at', type: 'datetime', sort: true }, { name: 'next_at', type: 'datetime', sort: true }],
  defaultSort: '-created_at',
  trash: false,
  bulk: false,
  exportable: false,
  refresh: (rows) => lookAtListAgain(rows, Date.now()),
})
