import type zhCN from '../zh-CN/home'

const messages: typeof zhCN = {
  title: 'Home', hello_morning: 'Good morning, {name}', hello_afternoon: 'Good afternoon, {name}', hello_evening: 'Good evening, {name}', hello_night: 'Up late, {name}?',
  members: 'Members', roles: 'Roles', departments: 'Departments', posts: 'Posts', all: 'See all',
  sign_ins: 'Sign-ins of the last {n} days', good: 'Signed in', bad: 'Refused', no_sign_ins: 'Nobody signed in during this time', sign_ins_cut: 'Counts the latest {n} only.',
  audit: 'Recent changes', no_audit: 'Nothing has been recorded yet', links: 'Quick links', link_users: 'Invite members', link_role: 'Create a role', link_departments: 'Arrange departments', link_keys: 'My API keys', link_profile: 'My profile',
}
export default messages
