import { computed } from 'vue'
import { useAll } from '@/resource/useAll'
import { useCan } from '@/ui/can'

/** The organisations of the installation by name, for those who administer it. */
export function useOrganizations() {
  const can = useCan()
  const all = useAll<{ id: string; name: string }>('platform.organization', '/api/platform/organizations/', { sort: 'name', enabled: computed(() => can('platform:organization:list')) })
  const list = computed(() => all.data.value ?? [])
  const names = computed(() => new Map(list.value.map((one) => [one.id, one.name])))
  return { list, names }
}
