import { onBeforeUnmount, onMounted, ref, watch, type Ref } from 'vue'

/** j/k move, Enter opens, x selects: only while nothing else has the keyboard. */
export function useRowKeys<T extends { id: string }>(rows: Ref<T[]>, open: (row: T) => void, select: (row: T) => void) {
  const at = ref(-1)
  watch(rows, () => { at.value = -1 })

  function onKey(event: KeyboardEvent): void {
    const target = event.target as HTMLElement | null
    const free = target === document.body || target?.id === 'main'
    if (!free || event.ctrlKey || event.metaKey || event.altKey) return
    const row = rows.value[at.value]
    if (event.key === 'j') at.value = Math.min(at.value + 1, rows.value.length - 1)
    else if (event.key === 'k') at.value = Math.max(at.value - 1, 0)
    else if (event.key === 'Enter' && row) open(row)
    else if (event.key === 'x' && row) select(row)
    else return
    event.preventDefault()
    document.querySelector(`[data-row="${CSS.escape(rows.value[at.value]?.id ?? '')}"]`)?.scrollIntoView({ block: 'nearest' })
  }
  onMounted(() => document.addEventListener('keydown', onKey))
  onBeforeUnmount(() => document.removeEventListener('keydown', onKey))
  return { at }
}
