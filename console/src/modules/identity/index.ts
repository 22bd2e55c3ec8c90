import type { ConsoleModule } from '@/app/modules'

export default {
  name: 'identity',
  order: 10,
  groups: [
    { key: 'identity', title: 'identity.group', icon: 'users', order: 10 },
    { key: 'security', title: 'identity.group_security', icon: 'lock', order: 20 },
  ],
  outside: [
    { path: '/setup', name: 'setup', component: () => import('./auth/SetupPage.vue'), meta: { title: 'auth.setup.title', access: 'public' } },
    { path: '/sign-in', name: 'sign-in', component: () => import('./auth/SignInPage.vue'), meta: { title: 'auth.sign_in.title', access: 'guest' } },
    { path: '/forgot-password', name: 'forgot-password', component: () => import('./auth/ForgotPage.vue'), meta: { title: 'auth.forgot.title', access: 'guest' } },
    { path: '/reset-password', name: 'reset-password', component: () => import('./auth/ResetPage.vue'), meta: { title: 'auth.reset.title', access: 'public' } },
    { path: '/accept-invitation', name: 'accept-invitation', component: () => import('./auth/AcceptPage.vue'), meta: { title: 'auth.accept.title', access: 'public' } },
    { path: '/confirm-email', name: 'confirm-email', component: () => import('./auth/ConfirmEmailPage.vue'), meta: { title: 'auth.confirm_email.title', access: 'public' } },
  ],
  routes: [
    { path: '/users', name: 'users', component: () => import('./user/UsersPage.vue'), meta: { page: 'identity.users', title: 'identity.user.title', permission: 'identity:user:list', icon: 'users', order: 10, group: 'identity' } },
    { path: '/roles', name: 'roles', component: () => import('./role/RolesPage.vue'), meta: { page: 'identity.roles', title: 'identity.role.title', permission: 'identity:role:list', icon: 'key', order: 20, group: 'identity' } },
    { path: '/departments', name: 'departments', component: () => import('./department/DepartmentsPage.vue'), meta: { page: 'identity.departments', title: 'identity.department.title', permission: 'identity:department:list', icon: 'share', order: 30, group: 'identity' } },
    { path: '/posts', name: 'posts', component: () => import('./post/PostsPage.vue'), meta: { page: 'identity.posts', title: 'identity.post.title', permission: 'identity:post:list', icon: 'postcard', order: 40, group: 'identity' } },
    { path: '/menus', name: 'menus', component: () => import('./menu/MenusPage.vue'), meta: { page: 'identity.menus', title: 'identity.menu.title', permission: 'identity:menu:list', icon: 'menu', order: 50, group: 'identity' } },
    { path: '/organization', name: 'organization', component: () => import('./organization/OrganizationPage.vue'), meta: { page: 'identity.organization', title: 'identity.organization.title', icon: 'building', order: 60, group: 'identity' } },
    { path: '/audit', name: 'audit', component: () => import('./audit/AuditPage.vue'), meta: { page: 'identity.audit_entries', title: 'identity.audit.title', permission: 'identity:audit_entry:list', icon: 'tickets', order: 10, group: 'security' } },
    { path: '/sign-ins', name: 'sign-ins', component: () => import('./sign_in/SignInsPage.vue'), meta: { page: 'identity.sign_ins', title: 'identity.sign_in.title', permission: 'identity:sign_in:list', icon: 'lock', order: 20, group: 'security' } },
    { path: '/sessions', name: 'sessions', component: () => import('./session/SessionsPage.vue'), meta: { page: 'identity.sessions', title: 'identity.session.title', permission: 'identity:session:list', icon: 'monitor', order: 30, group: 'security' } },
    { path: '/api-keys', name: 'api-keys', component: () => import('./api_key/ApiKeysPage.vue'), meta: { page: 'identity.api_keys', title: 'identity.api_key.title', permission: 'identity:api_key:list', icon: 'connection', order: 40, group: 'security' } },
    { path: '/profile', name: 'profile', component: () => import('./profile/ProfilePage.vue'), meta: { page: 'account.profile', title: 'identity.profile.title', icon: 'user', order: 900, hidden: true, homeless: true } },
  ],
} satisfies ConsoleModule
