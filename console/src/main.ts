import { VueQueryPlugin } from '@tanstack/vue-query'
import { createPinia } from 'pinia'
import { createApp } from 'vue'
import { installHooks } from './api/client'
import App from './App.vue'
import { queryClient } from './app/queryClient'
import { router } from './app/router'
import { i18n, setLocale } from './locales'
import { usePreferences } from './stores/preferences'
import { useSession } from './stores/session'
import { vCan } from './ui/can'
import './styles/tokens.css'
import 'element-plus/es/components/base/style/css'
import 'element-plus/theme-chalk/dark/css-vars.css'
import './styles/element.css'
import './styles/base.css'

async function start(): Promise<void> {
  const app = createApp(App).use(createPinia())
  const session = useSession()
  const preferences = usePreferences()

  const leave = (): void => {
    const from = router.currentRoute.value
    session.forget()
    queryClient.clear()
    if (from.meta.access) return
    void router.replace({ name: 'sign-in', query: { next: from.fullPath === '/' ? undefined : from.fullPath } })
  }
  installHooks({ lost: leave, locale: () => preferences.locale })
  session.onWord((word) => {
    if (word === 'signed_out') leave()
    // The other tab's cookie now belongs to another organisation: nothing on this screen may stay.
    else if (word === 'organization_changed') location.assign('/')
    else if (word === 'signed_in' && router.currentRoute.value.meta.access === 'guest') location.reload()
  })

  await setLocale(preferences.locale)
  app.use(i18n).use(router).use(VueQueryPlugin, { queryClient }).directive('can', vCan).mount('#app')
}

void start()
