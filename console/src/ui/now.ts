import { onScopeDispose, ref, type Ref } from 'vue'

interface Clock {
  now: Ref<number>
  readers: number
  timer: number
}

const clocks = new Map<number, Clock>()

/** The present, told again and again, for ages and durations that grow while somebody looks. One timer for all that ask alike. */
export function useNow(every = 1000): Readonly<Ref<number>> {
  let clock = clocks.get(every)
  if (!clock) {
    const now = ref(Date.now())
    clock = { now, readers: 0, timer: window.setInterval(() => { if (!document.hidden) now.value = Date.now() }, every) }
    clocks.set(every, clock)
  }
  const own = clock
  own.readers += 1
  onScopeDispose(() => {
    own.readers -= 1
    if (own.readers > 0) return
    window.clearInterval(own.timer)
    clocks.delete(every)
  })
  return own.now
}
