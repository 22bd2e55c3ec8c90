import { useQueryClient } from '@tanstack/vue-query'
import { ref } from 'vue'
import { keys } from '@/api/keys'
import { t } from '@/locales'
import { useCan } from '@/ui/can'
import { attempt, confirm } from '@/ui/feedback'
import { endpoints, NAMES } from '../api'
import { P } from '../permissions'
import type { Endpoint } from '../types'

/** What can be done with one endpoint, by this person. */
export function useEndpointActions() {
  const can = useCan()
  const client = useQueryClient()
  const busy = ref<string | null>(null)
  const changed = (): Promise<unknown> => Promise.all(Object.values(NAMES).map((name) => client.invalidateQueries({ queryKey: keys.resource(name) })))

  return {
    busy,
    changed,
    mayPing: (endpoint: Endpoint): boolean => can(P.endpointPing) && endpoint.enabled,
    mayEnable: (endpoint: Endpoint): boolean => can(P.endpointUpdate) && !endpoint.enabled,
    mayReplay: (endpoint: Endpoint): boolean => can(P.endpointReplay) && endpoint.enabled,
    mayRotate: (): boolean => can(P.endpointRotate),
    mayEdit: (): boolean => can(P.endpointUpdate),
    mayDelete: (): boolean => can(P.endpointDelete),
    async enable(endpoint: Endpoint): Promise<void> {
      busy.value = endpoint.id
      if (await attempt(() => endpoints.enable(endpoint.id), t('webhooks.endpoint.enabled', { name: endpoint.name }))) await changed()
      busy.value = null
    },
    async remove(endpoint: Endpoint): Promise<boolean> {
      if (!(await confirm(t('webhooks.endpoint.delete_confirm', { name: endpoint.name }), { danger: true, ok: t('common.delete') }))) return false
      const done = await attempt(() => endpoints.remove(endpoint.id), t('resource.deleted'))
      if (done) await changed()
      return done !== null
    },
  }
}
