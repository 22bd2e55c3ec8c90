import { useQueryClient } from '@tanstack/vue-query'
import { http } from '@/api/client'
import { asApiError } from '@/api/errors'
import { keys } from '@/api/keys'
import type { PlatformUser } from '@/api/types'
import { t } from '@/locales'
import { useSession } from '@/stores/session'
import { attempt, confirm } from '@/ui/feedback'
import { definition } from './definition'

export type AccountChange = Partial<Pick<PlatformUser, 'disabled' | 'is_platform_admin' | 'name'>> & { email?: string }

/** What a platform administrator does to accounts. Every change names the version it was made from. */
export function useAccounts() {
  const client = useQueryClient()
  const session = useSession()
  const pathOf = (user: PlatformUser): string => `${definition.path}${user.id}/`
  const isSelf = (user: PlatformUser): boolean => user.id === session.me?.user.id
  const nameOf = (user: PlatformUser): string => user.name || user.username

  async function refresh(user: PlatformUser): Promise<void> {
    const names = [definition.name, ...(definition.touches ?? [])]
    await Promise.all(names.map((name) => client.invalidateQueries({ queryKey: keys.resource(name) })))
    // Rights of one's own may have gone; the page then says so by itself.
    if (isSelf(user)) await session.load()
  }

  /** Throws as the API does; a version that is no longer the last one brings the list up to date first. */
  async function change(user: PlatformUser, body: AccountChange): Promise<PlatformUser> {
    try {
      const after = await http.patch<PlatformUser>(pathOf(user), body, { version: user.version })
      await refresh(user)
      return after
    } catch (error) {
      if (asApiError(error).isConflict) await client.invalidateQueries({ queryKey: keys.resource(definition.name) })
      throw error
    }
  }

  async function setDisabled(user: PlatformUser, disabled: boolean): Promise<void> {
    const name = nameOf(user)
    if (disabled && !(await confirm(t('platform.user.disable_confirm', { name }), { danger: true, ok: t('platform.user.disable') }))) return
    await attempt(() => change(user, { disabled }), t(disabled ? 'platform.user.disabled_done' : 'platform.user.enabled_done', { name }))
  }

  async function setAdministrator(user: PlatformUser, is_platform_admin: boolean): Promise<void> {
    const name = nameOf(user)
    const question = is_platform_admin ? 'platform.user.promote_confirm' : isSelf(user) ? 'platform.user.demote_self_confirm' : 'platform.user.demote_confirm'
    const ok = t(is_platform_admin ? 'platform.user.promote' : 'platform.user.demote')
    if (!(await confirm(t(question, { name }), { danger: true, ok }))) return
    await attempt(() => change(user, { is_platform_admin }), t('resource.saved'))
  }

  async function anonymize(user: PlatformUser): Promise<boolean> {
    const done = await attempt(() => http.post<PlatformUser>(`${pathOf(user)}anonymize/`), t('platform.user.anonymized_done'))
    if (done) await refresh(user)
    return done !== null
  }

  return { isSelf, nameOf, change, setDisabled, setAdministrator, anonymize }
}
