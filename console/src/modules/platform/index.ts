import type { ConsoleModule } from '@/app/modules'
import { P } from './permissions'

export default {
  name: 'platform',
  order: 90,
  groups: [{ key: 'platform', title: 'platform.group', icon: 'operation', order: 90 }],
  routes: [
    { path: '/platform/users', name: 'platform-users', component: () => import('./user/UsersPage.vue'), meta: { page: 'platform.users', title: 'platform.user.title', permission: P.userList, icon: 'user', order: 10, group: 'platform', homeless: true } },
    { path: '/platform/organizations', name: 'platform-organizations', component: () => import('./organization/OrganizationsPage.vue'), meta: { page: 'platform.organizations', title: 'platform.organization.title', permission: P.organizationList, icon: 'building', order: 20, group: 'platform', homeless: true } },
    { path: '/platform/system', name: 'platform-system', component: () => import('./system/SystemPage.vue'), meta: { page: 'platform.system', title: 'platform.system.title', permission: P.mailTest, icon: 'setting', order: 30, group: 'platform', homeless: true } },
    { path: '/api-routes', name: 'api-routes', component: () => import('./route/RoutesPage.vue'), meta: { page: 'platform.routes', title: 'platform.route.title', icon: 'list', order: 40, hidden: true, homeless: true } },
  ],
} satisfies ConsoleModule
