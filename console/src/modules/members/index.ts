import type { ConsoleModule } from '@/app/modules'
import { P } from './permissions'

export default {
  name: 'members',
  order: 55,
  groups: [{ key: 'members', title: 'members.group', icon: 'connection', order: 55 }],
  routes: [
    { path: '/members/grants', name: 'member-grants', component: () => import('./grant/GrantsPage.vue'), meta: { page: 'members.grants', title: 'grants.title', permission: P.grantList, icon: 'stamp', order: 3, group: 'members' } },
    { path: '/members/who-can', name: 'member-who-can', component: () => import('./access/WhoCanPage.vue'), meta: { page: 'members.who_can', title: 'grants.who.title', permission: P.grantList, icon: 'users', order: 5, group: 'members' } },
    { path: '/members/access', name: 'member-access', component: () => import('./access/AccessPage.vue'), meta: { page: 'members.access', title: 'grants.access.title', permission: P.grantList, icon: 'key', order: 7, group: 'members' } },
    { path: '/members/programs', name: 'member-clients', component: () => import('./client/ClientsPage.vue'), meta: { page: 'members.clients', title: 'members.client.title', permission: P.clientList, icon: 'box', order: 10, group: 'members' } },
    { path: '/members/programs/:id/calls', name: 'member-client-calls', component: () => import('./client/CallsPage.vue'), meta: { title: 'members.calls.one', permission: P.clientCalls, parent: '/members/programs' } },
    { path: '/members/issuers', name: 'member-issuers', component: () => import('./issuer/IssuersPage.vue'), meta: { page: 'members.issuers', title: 'members.issuer.title', permission: P.issuerList, icon: 'postcard', order: 20, group: 'members' } },
  ],
} satisfies ConsoleModule
