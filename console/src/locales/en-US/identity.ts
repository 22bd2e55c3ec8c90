import type zhCN from '../zh-CN/identity'

const messages: typeof zhCN = {
  group: 'People and access', group_security: 'Security',
  user: {
    title: 'Members', text: 'The people of this organisation with their roles, departments and posts.', one: 'Member', create: 'Invite a member', empty_title: 'Nobody else yet', empty_text: 'Invite your colleagues to start working together.',
    tab_members: 'Members', tab_access: 'Effective access', tab_sessions: 'Sessions', you: 'You', remove: 'Remove', removed: 'Removed', remove_confirm: 'Remove “{name}” from this organisation? The account itself stays.',
    state_active: 'Active', state_inactive: 'Inactive', state_disabled: 'Account disabled',
    send_reset: 'Send a password reset link', send_reset_confirm: 'Send a password reset link to “{name}”?', reset_sent: 'The link has been sent', reset_link: 'Reset link',
    grants: 'Direct grants', grants_text: 'Permissions given to this person directly, beside the roles.', may: 'May', because: 'Because', because_role: 'Role: {name}', because_grant: 'Direct grant', because_owner: 'Owner of the organisation',
    owner_access: 'The owner of an organisation may do everything.', no_access: 'No permissions at all', no_access_text: 'Assign a role to give some.',
  },
  invitation: {
    title: 'Invitations', all: 'All', create: 'Invite a member', send: 'Send invitation', sent: 'Invitation sent to {email}', resend: 'Resend', resent: 'Sent again', revoke: 'Revoke', revoked: 'Revoked', revoke_confirm: 'Revoke the invitation for {email}?',
    link: 'Invitation link', link_text: 'Mail has not been configured. Copy this link and send it to {email} yourself; it is shown only once.', no_mail: 'Mail has not been configured: invitations and password resets send nothing, so copy their links and pass them on yourself.',
    empty_title: 'No invitations', empty_text: 'Invitations appear here once they are sent.',
  },
  role: {
    title: 'Roles', text: 'A role says what its members may do and which data they see.', one: 'Role', create: 'New role', empty_title: 'No roles yet', empty_text: 'Create a role, choose its permissions, then assign it to members.',
    copy: 'Copy role', copy_name: 'Copy of {name}', members: 'Members with this role', no_members: 'No members yet', no_members_text: 'Assign this role on the members page.', built_in: 'Built in', built_in_help: 'This is a built-in role; parts of it may not be changeable.', code_help: 'Small letters, digits and underscores',
    scope_help: { all: 'Sees all data of the organisation.', departments: 'Sees only the data of the departments chosen below.', department: 'Sees only the data of the own department.', department_and_below: 'Sees the data of the own department and everything below it.', self: 'Sees only own data.' },
  },
  permission: {
    search: 'Search permissions', chosen: '{n} of {total} chosen', modules: { identity: 'People and access', platform: 'Platform', crm: 'CRM', jobs: 'Jobs and schedules', ids: 'ID service' },
    actions: { list: 'List', read: 'Read', create: 'Create', update: 'Update', delete: 'Delete', purge: 'Delete for good', export: 'Export', import: 'Import', grant: 'Grant directly', reset: 'Reset password', revoke: 'Revoke', initialize: 'Initialize', allocate: 'Allocate', operate: 'Quarantine and check' },
  },
  department: {
    title: 'Departments', text: 'The structure of the organisation, which data scopes follow.', one: 'Department', create: 'New department', add_child: 'Add below', root: 'None (top level)', move_help: 'Another parent moves the department with everything below it.', empty_title: 'No departments yet', empty_text: 'Start with the department at the top.',
  },
  post: { title: 'Posts', text: 'The positions that members hold.', one: 'Post', create: 'New post', empty_title: 'No posts yet', empty_text: 'Create a post, or import a table.' },
  menu: {
    title: 'Menus', text: 'Order, names, groups and visibility of the sidebar. A page that is not listed stands where it does by default.', one: 'Menu', create: 'New menu', add_child: 'Add entry', root: 'None (top level)', permission_help: 'People without this permission do not see the entry.', empty_title: 'No menus of your own', empty_text: 'The sidebar shows the default menu.',
  },
  audit: {
    title: 'Audit log', text: 'Who changed what, and when.', one: 'Audit entry', create: '', empty_title: 'Nothing recorded yet', empty_text: 'What members do is recorded here.', from: 'From', to: 'To', changes: 'Changes', no_changes: 'No fields were changed.', before: 'Before', after: 'After', sentence: '{noun}: {verb}',
    verbs: {
      offboard: 'offboarded', expire: 'ended', refused: 'refused', verify: 'verified', ping: 'tested', replay: 'replayed', redeliver: 'redelivered', rotate_secret: 'secret rotated', create: 'created', created: 'created', update: 'updated', updated: 'updated', delete: 'deleted', deleted: 'deleted', purge: 'deleted for good', restore: 'restored', copy: 'copied', import: 'imported', export: 'exported', bulk: 'changed in bulk', patch: 'updated', login: 'signed in', sign_in: 'signed in', logout: 'signed out', sign_out: 'signed out', invite: 'invited', accept: 'accepted', resend: 'sent again', revoke: 'revoked', rotate: 'rotated', transfer: 'transferred', leave: 'left', grant: 'granted', grants: 'granted', switch: 'switched', reset: 'reset', change: 'changed', confirm: 'confirmed', end: 'ended', anonymize: 'anonymised', init: 'set up', remove: 'removed', add: 'added', send_reset: 'reset link sent', request: 'change requested', retry: 'retried', cancel: 'cancelled', run: 'run', run_again: 'run again', pause: 'paused', resume: 'resumed', enable: 'enabled', unlock: 'unlocked', disable: 'disabled or enabled', raise: 'raised', rename: 'renamed', return: 'range returned', quarantine: 'put into quarantine', release: 'released', check: 'checked', retire: 'retired', revive: 'revived', approve: 'approved', approve_all: 'all approved', ignore: 'ignored', initialize: 'initialized', plan: 'dry run', test: 'tested', allocate: 'ids allocated',
    },
    nouns: { audit_seal: 'Sealed trail', client: 'Program', issuer: 'Issuer', endpoint: 'Webhook endpoint', delivery: 'Webhook delivery', user: 'Member', member: 'Member', membership: 'Member', role: 'Role', department: 'Department', post: 'Post', menu: 'Menu', organization: 'Organisation', invitation: 'Invitation', session: 'Session', api_key: 'API key', password: 'Password', email: 'E-mail', sign_in: 'Sign-in log', audit_entry: 'Audit log', system: 'System', grant: 'Grants', permission: 'Permission', platform_user: 'Platform user', job: 'Job', schedule: 'Schedule', job_alert: 'Job alert', job_kind: 'Job kind', queue: 'Queue', profile: 'Profile', database: 'Database', table: 'Discovered table', key: 'Key', generator: 'Generator', id_database: 'Database', id_table: 'Discovered table', id_key: 'Key', id_generator: 'Generator' },
    actions: { identity_session_reuse: 'Session: ended, a token was used twice', identity_session_agent_mismatch: 'Session: ended, another client used its token', identity_user_platform_admin: 'Member: platform administration changed' },
    seal: {
      title: 'Sealed trail', text: 'Each entry is bound to the one before it, and each day is closed with a seal. What is changed afterwards comes to light when the trail is verified.', sealed: 'Sealed entries', unsealed: 'Not yet sealed', last: 'Last seal', verified: 'Last verified', standing: { sound: 'Sound', broken: 'Broken', unknown: 'Not verified yet' },
      verify: 'Verify now', going: 'Verifying. Entries so far: {entries}; days: {days}', stop: 'Stop', range: 'Only these days', from: 'First day', to: 'Last day', of_range: 'Range: {from} to {to}.', since: 'From {from} on.', older: 'Older days', expected: 'Compare with a seal that you kept', expected_help: 'A seal that was noted down earlier shows whether the end of the trail was cut off since; it is looked for to the last day.', hash_rule: 'Must be 64 hexadecimal digits', head_found: 'The seal that you kept is still part of it.', pruned_days: 'Days of which only the seal is left: {n}.', days: 'See the days',
      sound: 'The trail is sound', sound_text: 'Entries checked: {entries}; days: {days}. All are as they were sealed.', broken: 'The trail does not match its seals', broken_text: 'Entries checked: {entries}; days: {days}. Places that do not match: {n}.', rest: 'Newer entries that are not sealed yet, and were not checked: {n}.', unfinished: 'It did not reach the end.', late: 'Some entries were sealed late', late_text: 'Entries of these days were sealed more than an hour after their time: no worker ran meanwhile, or somebody took the chain away and had it made anew.', late_day: 'Entries: {n}, sealed from {time} on', more: 'Only the first {n} are listed.', open_entry: 'Open the entry', head: 'Newest seal', head_text: 'Keep a copy elsewhere: compared later, it shows that the whole trail was not written anew.',
      kind: { changed: 'An entry was changed', removed: 'An entry was removed', inserted: 'An entry was put in', seal_changed: 'The seal was changed', head_missing: 'The seal that you kept is missing' },
      kind_text: { changed: 'Its content is not what was sealed.', removed: 'It was there when the day was sealed and is gone now.', inserted: 'It was not there when the day was sealed.', seal_changed: 'The seal of this day does not match its entries, or not the day before.', head_missing: 'Since it was noted down, the end of the trail was cut off, or all of it was written anew.' },
      days_title: 'Days of the trail', days_text: 'Days in UTC. The seal of each day contains the seal of the day before, so a change to one shows in all that follow.', no_days: 'No days yet', no_days_text: 'With the first entry of the trail its day appears here.', day: 'Day', state_head: 'State', entries: 'Entries', hash: 'Seal', state: { open: 'Open', closed: 'Sealed' }, growing: 'Still growing', pruned: 'Entries dropped after their retention, seal kept',
    },
  },
  sign_in: { title: 'Sign-in log', text: 'Sign-ins that succeeded and that failed.', one: 'Sign-in', create: '', empty_title: 'No sign-ins yet', empty_text: 'Sign-ins are recorded here.' },
  session: {
    title: 'Who is online', text: 'The people signed in to this organisation right now.', current: 'This one', last_seen: 'Last seen', since: 'Since', end: 'End', ended: 'Session ended', end_confirm: 'End this session?', end_all: 'End all', end_all_confirm: 'End all sessions of this person?', everywhere: 'Sign out everywhere', everywhere_confirm: 'Sign out on all devices, this browser included?', empty_title: 'No sessions',
  },
  organization: {
    title: 'Organisation', text: 'Name, ownership and data of the current organisation.', general: 'General', name: 'Name', slug: 'Slug', mail_folder: 'Letters lie in DATA_DIR/outbox on the server.', export: 'Export everything', export_text: 'Download all data of this organisation (NDJSON, one record per line).',
    danger: 'Danger zone', transfer: 'Transfer ownership', transfer_text: 'The new owner may do everything.', transfer_confirm: 'Transfer the ownership? You will no longer be the owner.', transferred: 'Ownership transferred', leave: 'Leave', leave_text: 'You will lose access to the data of this organisation.', leave_confirm: 'Leave “{name}”?', left: 'You have left the organisation',
    delete: 'Delete organisation', delete_text: 'The organisation is deleted for good after 30 days; until then it can be restored.', deleted: 'The organisation is scheduled for deletion', scheduled: 'This organisation is scheduled for deletion ({time}).',
  },
  profile: {
    title: 'Profile', basics: 'General', security: 'Password and e-mail', sessions: 'Devices', keys: 'API keys', time_zone: 'Time zone', time_zone_help: 'All times are shown in this zone; empty means the zone of the browser.',
    change_password: 'Change password', current_password: 'Current password', password_changed: 'Password changed', end_others: 'Sign out other devices', change_email: 'Change e-mail', new_email: 'New e-mail', send_link: 'Send confirmation link', email_sent: 'A confirmation link was sent to {email}', verified: 'Verified', unverified: 'Not verified',
  },
  api_key: {
    title: 'API keys', text: 'The keys of this organisation’s members. A key belongs to whoever made it, and never does more than that person may.', own_text: 'Personal access tokens: scripts and services use them to call the API as you.', one: 'API key', create: 'New key', name: 'Name', name_help: 'What it is for, such as “backup script”', scopes: 'Scope', expires_at: 'Expires', last_used_at: 'Last used', unused: 'Never used', never: 'Never', expired: 'Expired', soon: 'Soon', days: '{n} days', all_scopes: 'Everything I may do', some_scopes: 'Chosen permissions', owners_scopes: 'All of its owner’s', owners_scopes_text: 'Not limited: it may do whatever its owner may do at that moment.', scope_count: 'Permissions: {n}',
    once: 'The key of “{name}” is shown only once. Copy it now.', try: 'Try it:', kept: 'I have kept it', rotate: 'Rotate', rotate_confirm: 'Rotate “{name}”? The old key stops working at once.', revoke: 'Revoke', revoked: 'The key has been revoked', revoke_confirm: 'Revoke “{name}”? Programs that use it lose access at once.', empty_title: 'No keys yet', empty_text: 'Create a key so that a script can call the API for you.', not_here: 'This key is not in the present list', not_here_text: 'It may have been revoked, or stand on another page of the list.',
  },
}
export default messages
