import { markRaw } from 'vue'
import type { Department } from '@/api/types'
import { defineResource } from '@/resource/types'
import DepartmentForm from './DepartmentForm.vue'

export const definition = defineResource<Department>({
  name: 'identity.department',
  path: '/api/departments/',
  permission: 'identity:department',
  i18n: 'identity.department',
  fields: 'department',
  // Of the trash; the page itself is a tree.
  columns: [
    { key: 'name' },
    { key: 'code', type: 'mono' },
    { key: 'status', type: 'status' },
    { key: 'deleted_at', type: 'relative', sort: false },
  ],
  form: markRaw(DepartmentForm),
  blank: () => ({ name: '', code: null, parent_id: null, leader_id: null, phone: null, email: null, sort: 0, status: 'enabled' }),
  titleOf: (department) => department.name,
  // A member's row names the department, and a menu of departments stands in every form.
  touches: ['identity.user'],
})
