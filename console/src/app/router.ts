import { createRouter, createWebHistory, type RouteRecordRaw } from 'vue-router'
import { installGuards } from './guards'
import { modules } from './modules'

const routes: RouteRecordRaw[] = [
  ...modules.flatMap((module) => module.outside ?? []),
  {
    path: '/',
    component: () => import('@/layout/Shell.vue'),
    children: [
      ...modules.flatMap((module) => module.routes),
      { path: '/:rest(.*)*', name: 'not-found', component: () => import('@/layout/NotFound.vue'), meta: { title: 'layout.not_found.title' } },
    ],
  },
]

export const router = createRouter({
  history: createWebHistory(),
  routes,
  scrollBehavior: (_to, _from, saved) => saved ?? { top: 0 },
})

installGuards(router)
