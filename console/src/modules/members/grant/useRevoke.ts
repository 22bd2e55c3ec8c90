import { useQueryClient } from '@tanstack/vue-query'
import { ref } from 'vue'
import { keys } from '@/api/keys'
import { t } from '@/locales'
import { attempt, confirm, toast } from '@/ui/feedback'
import { asks, grants } from './api'
import { revokeOf } from './draft'
import { refusalText } from './refusal'
import { MOST_OPERATIONS, type MemberGrant, type Outcome, type Tuple } from './types'
import { useCatalogue } from './useCatalogue'

export type Taken = Pick<MemberGrant, 'user'> & Tuple

export interface Refused {
  grant: Taken
  why: string
}

/** Names of what gives the same still: roles, and ownership. */
export function stillText(names: readonly string[]): string {
  return names.map((name) => (name === 'owner' ? t('grants.origin.owner') : t('grants.origin.role_named', { name }))).join(t('grants.and'))
}

/** Taking grants away: asked first, told after, with what was refused and what gives the same still. */
export function useRevoke() {
  const client = useQueryClient()
  const catalogue = useCatalogue()
  const busy = ref(false)
  const refused = ref<Refused[]>([])

  async function changed(): Promise<void> {
    await Promise.all([asks.all, keys.resource('identity.user')].map((queryKey) => client.invalidateQueries({ queryKey })))
  }

  function question(list: readonly Taken[]): string {
    const [first] = list
    if (list.length === 1 && first) return t('grants.revoke_confirm', { name: first.user.name || first.user.username, what: catalogue.lineOf(first) })
    return t('grants.revoke_many_confirm', { n: list.length, people: new Set(list.map((one) => one.user.id)).size })
  }

  function tell(list: readonly Taken[], results: readonly Outcome[]): void {
    refused.value = results.flatMap((one) => {
      const grant = list[one.index]
      return one.result === 'refused' && grant ? [{ grant, why: refusalText(one.error ?? { code: '', detail: '' }) }] : []
    })
    const done = results.filter((one) => one.result === 'revoked').length
    const still = results.filter((one) => (one.still_granted_by?.length ?? 0) > 0)
    if (refused.value.length > 0) return toast(t('grants.revoked_partly', { n: done, refused: refused.value.length }), 'warning')
    if (still.length === 0) return toast(t('grants.revoked', { n: done }))
    // What was taken away changes nothing for him: whoever took it should know.
    toast(list.length === 1 ? t('grants.still', { by: stillText(still[0]?.still_granted_by ?? []) }) : t('grants.still_many', { n: still.length }), 'warning')
  }

  /** False when the person thought better of it, or nothing was done. */
  async function revoke(list: readonly Taken[]): Promise<boolean> {
    if (list.length === 0 || busy.value) return false
    if (!(await confirm(question(list), { danger: true, ok: t('grants.revoke') }))) return false
    busy.value = true
    try {
      const results: Outcome[] = []
      for (let from = 0; from < list.length; from += MOST_OPERATIONS) {
        const part = list.slice(from, from + MOST_OPERATIONS)
        const done = await attempt(() => grants.batch(part.map(revokeOf), false))
        if (!done) break
        results.push(...done.value.results.map((one) => ({ ...one, index: one.index + from })))
      }
      if (results.length > 0) tell(list, results)
      await changed()
      return results.length > 0
    } finally {
      busy.value = false
    }
  }

  return { busy, refused, revoke, changed }
}
