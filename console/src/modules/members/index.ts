import type { ConsoleModule } from '@/app/modules'
import { P } from './permissions'

export default {
  name: 'members',
  order: 55,
  groups: [{ key: 'members', title: 'members.group', icon: 'connection', order: 55 }],
  routes: [
    { path: '/members/programs', name: 'member-clients', component: () => import('./client/ClientsPage.vue'), meta: { page: 'members.clients', title: 'members.client.title', permission: P.clientList, icon: 'box', order: 10, group: 'members' } },
    { path: '/members/issuers', name: 'member-issuers', component: () => import('./issuer/IssuersPage.vue'), meta: { page: 'members.issuers', title: 'members.issuer.title', permission: P.issuerList, icon: 'postcard', order: 20, group: 'members' } },
  ],
} satisfies ConsoleModule
