import { markRaw } from 'vue'
import { defineResource } from '@/resource/types'
import { ENDPOINTS, NAMES } from '../api'
import type { Endpoint } from '../types'
import EndpointForm from './EndpointForm.vue'

export const definition = defineResource<Endpoint>({
  name: NAMES.endpoint,
  path: ENDPOINTS,
  permission: 'webhooks:endpoint',
  i18n: 'webhooks.endpoint',
  fields: 'webhook_endpoint',
  columns: [
    { key: 'name' },
    { key: 'state', width: '150px', sort: false },
    { key: 'event_types', width: '190px', sort: false },
    { key: 'last_success_at', type: 'relative', width: '140px' },
    { key: 'last_failure_at', type: 'relative', width: '140px' },
    { key: 'created_at', type: 'datetime', hidden: true },
  ],
  form: markRaw(EndpointForm),
  blank: () => ({ name: '', url: '', description: null, event_types: [], enabled: true }),
  titleOf: (endpoint) => endpoint.name,
  defaultSort: 'name',
  drawerWidth: 620,
  refresh: 15_000,
  touches: [NAMES.delivery],
})
