import type zhCN from '../zh-CN/fields'

const messages: typeof zhCN = {
  common: {
    id: 'Id', name: 'Name', code: 'Code', sort: 'Order', status: 'Status', remark: 'Remark', description: 'Description', created_at: 'Created', updated_at: 'Updated', created_by: 'Created by', updated_by: 'Updated by', deleted_at: 'Deleted', version: 'Version', email: 'E-mail', phone: 'Phone', department_id: 'Department',
    values: { status: { enabled: 'Enabled', disabled: 'Disabled' }, boolean: { true: 'Yes', false: 'No' }, null: { true: 'Empty', false: 'Not empty' } },
  },
  post: { name: 'Post', code: 'Code' },
  department: { name: 'Department', code: 'Code', parent_id: 'Parent department', parent_name: 'Parent department', leader_id: 'Leader', member_count: 'Members' },
  role: {
    name: 'Role', code: 'Code', data_scope: 'Data scope', permissions: 'Permissions', department_ids: 'Departments', member_count: 'Members', built_in: 'Built in',
    values: { data_scope: { all: 'All data', departments: 'Chosen departments', department: 'Own department', department_and_below: 'Own department and below', self: 'Own records only' } },
  },
  menu: {
    title: 'Title', kind: 'Kind', target: 'Target', title_zh: 'Chinese title', title_en: 'English title', parent_id: 'Group', page: 'Page', url: 'Link', icon: 'Icon', hidden: 'Hidden', permission: 'Needs permission',
    values: { kind: { group: 'Group', page: 'Page', link: 'Link' } },
  },
  user: {
    name: 'Name', username: 'User name', active: 'Status', disabled: 'Account disabled', is_owner: 'Owner', is_platform_admin: 'Platform administrator', department_id: 'Department', department_name: 'Department', post_ids: 'Posts', role_ids: 'Roles', roles: 'Roles', title: 'Job title', last_sign_in_at: 'Last sign-in', joined_at: 'Joined',
  },
  platform_user: { name: 'Name', username: 'User name', is_platform_admin: 'Platform administrator', last_sign_in_at: 'Last sign-in', created_at: 'Created' },
  platform_organization: { name: 'Organisation', slug: 'Slug', member_count: 'Members', created_at: 'Founded', deleting_at: 'Deletion' },
  api_key: { name: 'Name', prefix: 'Begins with', user_id: 'Owner', user_name: 'Owner', scopes: 'Scope', expires_at: 'Expires', last_used_at: 'Last used', created_at: 'Created' },
  invitation: { email: 'E-mail', expires_at: 'Valid until', values: { status: { pending: 'Pending', accepted: 'Accepted', revoked: 'Revoked', expired: 'Expired' } } },
  audit: {
    at: 'Time', actor_id: 'Who', actor_name: 'Who', actor_kind: 'Acting as', action: 'Action', target_type: 'Kind of target', target_id: 'Target id', target_name: 'Target', outcome: 'Outcome', ip: 'IP address', user_agent: 'Client', request_id: 'Request id',
    values: { actor_kind: { user: 'User', api_key: 'API key', cli: 'Command line', system: 'System' }, outcome: { ok: 'Done', denied: 'Denied', failed: 'Failed' } },
  },
  sign_in: {
    at: 'Time', username: 'User', user_id: 'User id', outcome: 'Outcome', reason: 'Reason', ip: 'IP address', user_agent: 'Client',
    values: {
      outcome: { ok: 'Signed in', success: 'Signed in', failed: 'Failed', denied: 'Denied', locked: 'Locked' },
      reason: { password: 'Wrong password', wrong_password: 'Wrong password', unknown_user: 'Unknown user', disabled: 'Account disabled', inactive: 'Member inactive', locked: 'Account locked', no_membership: 'No organisation', invitation: 'Accepted an invitation', setup: 'Set-up', replay: 'Token replayed', user_agent: 'Another client' },
    },
  },
}
export default messages
