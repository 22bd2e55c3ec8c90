import type { Component } from 'vue'
import type { RouteRecordRaw } from 'vue-router'

export interface PageMeta {
  /** The key a menu of the server names: `identity.users`. */
  page?: string
  /** i18n key of the title. */
  title?: string
  permission?: string
  icon?: string
  order?: number
  /** Where the page stands while the server's menus do not mention it. */
  group?: string
  /** `guest`: only without a session; `public`: either; otherwise a session is needed. */
  access?: 'guest' | 'public'
  /** Also for somebody who works in no organisation. */
  homeless?: boolean
  /** Not in the sidebar, still in the palette. */
  hidden?: boolean
  /** The path of the page that this one belongs to, for the sidebar and the breadcrumbs. */
  parent?: string
}

declare module 'vue-router' {
  // eslint-disable-next-line @typescript-eslint/no-empty-object-type
  interface RouteMeta extends PageMeta {}
}

export interface ConsoleModule {
  name: string
  order: number
  /** Pages inside the shell. */
  routes: RouteRecordRaw[]
  /** Pages outside it: sign-in and its kin. */
  outside?: RouteRecordRaw[]
  groups?: { key: string; title: string; icon: string; order: number }[]
}

export type Page = () => Promise<{ default: Component }>

const found = import.meta.glob<{ default: ConsoleModule }>('../modules/*/index.ts', { eager: true })

export const modules: ConsoleModule[] = Object.values(found)
  .map((m) => m.default)
  .sort((a, b) => a.order - b.order)
