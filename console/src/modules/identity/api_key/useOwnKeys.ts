import { useQueryClient } from '@tanstack/vue-query'
import { ref } from 'vue'
import { http } from '@/api/client'
import { keys } from '@/api/keys'
import type { ApiKey } from '@/api/types'
import { t } from '@/locales'
import { attempt, confirm } from '@/ui/feedback'

export const NAME = 'identity.api_key'

/** What one does with keys of one's own. `fresh` is the key whose secret is being shown. */
export function useOwnKeys() {
  const client = useQueryClient()
  const creating = ref(false)
  const fresh = ref<ApiKey | null>(null)

  async function changed(): Promise<void> {
    await Promise.all([client.invalidateQueries({ queryKey: keys.own('api-keys') }), client.invalidateQueries({ queryKey: keys.resource(NAME) })])
  }

  async function made(key: ApiKey): Promise<void> {
    creating.value = false
    fresh.value = key
    await changed()
  }

  async function rotate(key: ApiKey): Promise<void> {
    if (!(await confirm(t('identity.api_key.rotate_confirm', { name: key.name }), { danger: true, ok: t('identity.api_key.rotate') }))) return
    const done = await attempt(() => http.post<ApiKey>(`/api/auth/api-keys/${key.id}/rotate/`))
    if (done) await made({ ...key, ...done.value })
  }

  async function revoke(key: ApiKey, path = '/api/auth/api-keys/'): Promise<boolean> {
    if (!(await confirm(t('identity.api_key.revoke_confirm', { name: key.name }), { danger: true, ok: t('identity.api_key.revoke') }))) return false
    const done = await attempt(() => http.delete(`${path}${key.id}/`), t('identity.api_key.revoked'))
    if (done) await changed()
    return done !== null
  }

  return { creating, fresh, made, rotate, revoke }
}
