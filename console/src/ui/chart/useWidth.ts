import { onBeforeUnmount, onMounted, ref, type Ref } from 'vue'

/** The width an element really has: charts are drawn in true pixels, so that their letters stay as large as others. */
export function useWidth(element: Ref<HTMLElement | null>, initial = 480): Ref<number> {
  const width = ref(initial)
  let observer: ResizeObserver | null = null
  onMounted(() => {
    if (!element.value) return
    width.value = element.value.clientWidth || initial
    observer = new ResizeObserver(([entry]) => { if (entry && entry.contentRect.width > 0) width.value = Math.floor(entry.contentRect.width) })
    observer.observe(element.value)
  })
  onBeforeUnmount(() => observer?.disconnect())
  return width
}
