import type { ConsoleModule } from '@/app/modules'
import { P } from './permissions'

export default {
  name: 'webhooks',
  order: 57,
  groups: [{ key: 'webhooks', title: 'webhooks.group', icon: 'share', order: 57 }],
  routes: [
    { path: '/webhooks/endpoints', name: 'webhook-endpoints', component: () => import('./endpoint/EndpointsPage.vue'), meta: { page: 'webhooks.endpoints', title: 'webhooks.endpoint.title', permission: P.endpointList, icon: 'link', order: 10, group: 'webhooks' } },
    { path: '/webhooks/endpoints/:id', name: 'webhook-endpoint', component: () => import('./endpoint/EndpointPage.vue'), meta: { title: 'webhooks.endpoint.detail', permission: P.endpointRead, parent: '/webhooks/endpoints' } },
    { path: '/webhooks/deliveries', name: 'webhook-deliveries', component: () => import('./delivery/DeliveriesPage.vue'), meta: { page: 'webhooks.deliveries', title: 'webhooks.delivery.title', permission: P.deliveryList, icon: 'message', order: 20, group: 'webhooks' } },
    { path: '/webhooks/deliveries/:id', name: 'webhook-delivery', component: () => import('./delivery/DeliveryPage.vue'), meta: { title: 'webhooks.delivery.one', permission: P.deliveryRead, parent: '/webhooks/deliveries' } },
  ],
} satisfies ConsoleModule
