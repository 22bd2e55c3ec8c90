import type { Router } from 'vue-router'
import { i18n, t } from '@/locales'
import { useSession } from '@/stores/session'
import { safeNext } from './next'

export function installGuards(router: Router): void {
  router.beforeEach(async (to) => {
    const session = useSession()
    const server = await session.checkServer()
    if (!server.initialized) return to.name === 'setup' ? true : { name: 'setup' }
    if (to.name === 'setup') return { name: 'home' }

    if (to.meta.access === 'public') {
      if (session.maybeSignedIn()) await session.restore().catch(() => false)
      return true
    }
    if (to.meta.access === 'guest') {
      const signedIn = session.maybeSignedIn() && (await session.restore().catch(() => false))
      return signedIn ? safeNext(to.query.next) : true
    }
    if (await session.restore()) return true
    const next = to.fullPath === '/' ? undefined : to.fullPath
    return { name: 'sign-in', query: { next } }
  })

  router.afterEach((to) => {
    const app = useSession().server?.app_name || 'Tenon'
    document.title = to.meta.title && i18n.global.te(to.meta.title) ? `${t(to.meta.title)} · ${app}` : app
  })
}
