import { onBeforeUnmount, onMounted } from 'vue'

function typing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
}

/** Global keys. Plain letters are left alone while somebody types. */
export function useShortcuts(actions: { palette(): void; help(): void; search(): boolean; go(to: string): void }): void {
  let leader = 0
  const places: Record<string, string> = { h: '/', u: '/users', r: '/roles', d: '/departments', a: '/audit', j: '/jobs', s: '/schedules' }

  function onKey(event: KeyboardEvent): void {
    if ((event.ctrlKey || event.metaKey) && !event.shiftKey && event.key.toLowerCase() === 'k') {
      event.preventDefault()
      actions.palette()
      return
    }
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return
    if (event.key === '?') actions.help()
    else if (event.key === '/' && actions.search()) event.preventDefault()
    else if (event.key === 'g') {
      leader = event.timeStamp
      return
    } else if (event.timeStamp - leader < 900 && places[event.key]) actions.go(places[event.key] ?? '/')
    leader = 0
  }
  onMounted(() => document.addEventListener('keydown', onKey))
  onBeforeUnmount(() => document.removeEventListener('keydown', onKey))
}

/** Pages mark their search box; the first visible one gets the focus. */
export function focusSearch(): boolean {
  const input = document.querySelector<HTMLInputElement>('[data-search] input, input[data-search]')
  input?.focus()
  input?.select()
  return !!input
}
