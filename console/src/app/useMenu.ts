import { useQuery } from '@tanstack/vue-query'
import { computed } from 'vue'
import { useI18n } from 'vue-i18n'
import type { RouteRecordRaw } from 'vue-router'
import { menus } from '@/api/auth'
import { keys } from '@/api/keys'
import { useSession } from '@/stores/session'
import { mergeMenu, visible, type CodePage, type MenuItem } from './menu'
import { modules } from './modules'

const groups = modules.flatMap((module) => module.groups ?? [])

const pages: CodePage[] = modules.flatMap((module) => module.routes.flatMap(toPage))

function toPage(route: RouteRecordRaw): CodePage[] {
  const meta = route.meta
  if (!meta?.page || !meta.title) return []
  return [{
    page: meta.page,
    path: route.path,
    title: meta.title,
    icon: meta.icon,
    permission: meta.permission,
    order: meta.order ?? 100,
    group: meta.group,
    hidden: meta.hidden,
  }]
}

export const codePages = pages

export function useMenu() {
  const session = useSession()
  const { t, locale } = useI18n()
  const query = useQuery({
    queryKey: computed(() => [...keys.menus, session.me?.organization?.id]),
    queryFn: menus,
    staleTime: 5 * 60_000,
    enabled: computed(() => session.me !== null),
  })
  // Until the server has answered, and when it cannot, the code's own order is a usable menu.
  const all = computed(() => mergeMenu(query.data.value ?? [], pages, groups, session.can))
  const shown = computed(() => visible(all.value))

  function titleOf(item: MenuItem): string {
    const words = locale.value === 'zh-CN' ? item.titles?.zh : item.titles?.en
    return words || (item.title ? t(item.title) : '')
  }
  return { all, shown, titleOf }
}
