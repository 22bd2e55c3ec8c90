import type { ObjectDirective } from 'vue'
import { useSession } from '@/stores/session'

/** True when the caller holds the permission (or, of a list, any of them). Reactive when read in a template. */
export function useCan() {
  const session = useSession()
  return (permission?: string | string[] | null): boolean =>
    Array.isArray(permission) ? permission.some((p) => session.can(p)) : session.can(permission)
}

/**
 * `v-can="'identity:post:create'"` takes the element out of the page; a disabled button would only ask
 * what it is for. Decided once, at mount: a change of rights reloads the session and with it the page.
 */
export const vCan: ObjectDirective<HTMLElement, string | string[]> = {
  mounted(element, binding) {
    if (!useCan()(binding.value)) element.remove()
  },
}
