import type { ConsoleModule } from '@/app/modules'

export default {
  name: 'home',
  order: 0,
  routes: [
    { path: '/', name: 'home', component: () => import('./HomePage.vue'), meta: { page: 'home', title: 'home.title', icon: 'home', order: 0 } },
  ],
} satisfies ConsoleModule
