import { markRaw } from 'vue'
import { keys } from '@/api/keys'
import type { Menu } from '@/api/types'
import { defineResource } from '@/resource/types'
import MenuForm from './MenuForm.vue'

export const definition = defineResource<Menu>({
  name: 'identity.menu',
  path: '/api/menus/',
  permission: 'identity:menu',
  i18n: 'identity.menu',
  fields: 'menu',
  // Of the trash; the page itself is a tree.
  columns: [
    { key: 'title_zh' },
    { key: 'title_en' },
    { key: 'kind', type: 'enum' },
    { key: 'deleted_at', type: 'relative', sort: false },
  ],
  form: markRaw(MenuForm),
  blank: () => ({ kind: 'page', title_zh: '', title_en: '', parent_id: null, page: null, url: null, icon: null, sort: 0, hidden: false, permission: null }),
  titleOf: (menu) => menu.title_zh || menu.title_en,
})

export const sidebarKey = keys.menus
