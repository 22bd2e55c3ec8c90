import type { ConsoleModule } from '@/app/modules'
import { P } from './permissions'

export default {
  name: 'ids',
  order: 60,
  groups: [{ key: 'ids', title: 'ids.group', icon: 'stamp', order: 60 }],
  routes: [
    { path: '/ids/databases', name: 'id-databases', component: () => import('./database/DatabasesPage.vue'), meta: { page: 'ids.databases', title: 'ids.database.title', permission: P.databaseList, icon: 'collection', order: 10, group: 'ids' } },
    { path: '/ids/databases/:id/initialize', name: 'id-initialize', component: () => import('./database/InitializePage.vue'), meta: { title: 'ids.initialize.title', permission: P.databaseInitialize, parent: '/ids/databases' } },
    { path: '/ids/tables', name: 'id-tables', component: () => import('./table/TablesPage.vue'), meta: { page: 'ids.tables', title: 'ids.table.title', permission: P.tableList, icon: 'grid', order: 20, group: 'ids' } },
    { path: '/ids/keys', name: 'id-keys', component: () => import('./key/KeysPage.vue'), meta: { page: 'ids.keys', title: 'ids.key.title', permission: P.keyList, icon: 'key', order: 30, group: 'ids' } },
    { path: '/ids/keys/:id', name: 'id-key', component: () => import('./key/KeyPage.vue'), meta: { title: 'ids.key.detail', permission: P.keyRead, parent: '/ids/keys' } },
    { path: '/ids/owner', name: 'id-owner', component: () => import('./owner/OwnerPage.vue'), meta: { page: 'ids.owner', title: 'ids.owner.title', permission: P.keyRead, icon: 'user', order: 40, group: 'ids' } },
    { path: '/ids/generators', name: 'id-generators', component: () => import('./generator/GeneratorsPage.vue'), meta: { page: 'ids.generators', title: 'ids.generator.title', permission: P.generatorList, icon: 'operation', order: 50, group: 'ids' } },
    { path: '/ids/playground', name: 'id-playground', component: () => import('./playground/PlaygroundPage.vue'), meta: { page: 'ids.playground', title: 'ids.playground.title', permission: P.keyAllocate, icon: 'monitor', order: 60, group: 'ids' } },
  ],
} satisfies ConsoleModule
