import { markRaw } from 'vue'
import type { Member } from '@/api/types'
import { defineResource } from '@/resource/types'
import UserForm from './UserForm.vue'

const text = ['eq', 'contains']
const when = ['gte', 'lte']

export const definition = defineResource<Member>({
  name: 'identity.user',
  path: '/api/users/',
  permission: 'identity:user',
  i18n: 'identity.user',
  fields: 'user',
  columns: [
    { key: 'name', primary: true },
    { key: 'username', type: 'mono', hidden: true },
    { key: 'email' },
    { key: 'roles', sort: false },
    { key: 'department_name', sort: false },
    { key: 'active', type: 'status' },
    { key: 'last_sign_in_at', type: 'relative' },
    { key: 'joined_at', type: 'datetime', hidden: true },
  ],
  form: markRaw(UserForm),
  blank: () => ({ active: true, department_id: null, post_ids: [], role_ids: [], title: null, is_owner: false }),
  titleOf: (user) => user.name || user.username,
  filters: [
    { name: 'username', type: 'string', filter: text, sort: true, search: true },
    { name: 'name', type: 'string', filter: text, sort: true, search: true },
    { name: 'email', type: 'string', filter: text, sort: true, search: true },
    { name: 'active', type: 'boolean', filter: ['eq'], sort: true },
    { name: 'department_id', type: 'uuid', reference: 'identity.department', filter: ['eq'] },
    { name: 'last_sign_in_at', type: 'datetime', filter: when, sort: true },
  ],
  creatable: false,
  drawerWidth: 720,
  touches: ['identity.role', 'identity.department'],
})
