import type { PlatformUser } from '@/api/types'
import { defineResource } from '@/resource/types'

const text = ['eq', 'contains']
const when = ['gte', 'lte']

export const definition = defineResource<PlatformUser>({
  name: 'platform.user',
  path: '/api/platform/users/',
  permission: 'platform:user',
  i18n: 'platform.user',
  fields: 'platform_user',
  columns: [
    { key: 'name', primary: true },
    { key: 'username', type: 'mono' },
    { key: 'email' },
    { key: '_state', label: 'fields.common.status', sort: false },
    { key: 'last_sign_in_at', type: 'relative' },
    { key: 'created_at', type: 'datetime', hidden: true },
  ],
  // /api/meta describes the resources of an organisation only.
  filters: [
    { name: 'username', type: 'string', filter: text, sort: true, search: true },
    { name: 'name', type: 'string', sort: true, search: true },
    { name: 'email', type: 'string', filter: [...text, 'null'], sort: true, search: true },
    { name: 'last_sign_in_at', type: 'datetime', filter: [...when, 'null'], sort: true },
    { name: 'created_at', type: 'datetime', filter: when, sort: true },
  ],
  ownFilters: ['disabled_at__null', 'is_platform_admin'],
  defaultSort: '-created_at',
  bulk: false,
  trash: false,
  // A member's row and a record's author show the name of the account.
  touches: ['identity.user'],
})
