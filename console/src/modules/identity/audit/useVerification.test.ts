import { QueryClient, VueQueryPlugin } from '@tanstack/vue-query'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createApp, defineComponent, h } from 'vue'
import { seals, type Report } from './seals'
import { useVerification } from './useVerification'

const toasts = vi.hoisted(() => ({ toastError: vi.fn() }))
vi.mock('@/ui/feedback', () => toasts)

const report = (more: Partial<Report>): Report => ({ sound: true, days: 1, entries: 10, pruned_days: 0, unsealed: null, head: 'a', breaks: [], late: [], next: null, ...more })
const broken = report({ sound: false, breaks: [{ day: '2026-10-01', kind: 'changed', entry_id: null, at: null, detail: '' }], next: '2026-10-03:12' })
let stop = (): void => {}

function mounted(): ReturnType<typeof useVerification> {
  let verification: ReturnType<typeof useVerification> | undefined
  const app = createApp(defineComponent({
    setup() {
      verification = useVerification()
      return () => h('i')
    },
  }))
  app.use(VueQueryPlugin, { queryClient: new QueryClient() })
  app.mount(document.createElement('div'))
  stop = () => app.unmount()
  if (!verification) throw new Error('not mounted')
  return verification
}

/** Each part is answered so, in turn; an error is thrown. */
function answers(...parts: (Report | Error)[]) {
  return vi.spyOn(seals, 'verify').mockImplementation(() => {
    const part = parts.shift() ?? new Error('asked once too often')
    return part instanceof Error ? Promise.reject(part) : Promise.resolve(part)
  })
}

beforeEach(() => { toasts.toastError.mockReset() })
afterEach(() => { stop(); vi.restoreAllMocks() })

describe('a look at a trail', () => {
  it('passes on where to go on as it was said, and is told when the end is reached', async () => {
    const asked = answers(report({ next: '2026-10-03:12' }), report({ entries: 5 }))
    const { look, run } = mounted()
    await run({})
    expect(asked.mock.calls.map(([wish]) => wish)).toEqual([{}, { from: '2026-10-03:12' }])
    expect(look.value?.report).toMatchObject({ sound: true, entries: 15, next: null })
  })

  it('keeps a break that was found before a later part failed', async () => {
    answers(broken, new Error('503'))
    const { look, busy, run } = mounted()
    await run({})
    expect(toasts.toastError).toHaveBeenCalledOnce()
    expect(look.value?.report).toMatchObject({ sound: false, next: '2026-10-03:12' })
    expect(busy.value).toBe(false)
  })

  it('says nothing of soundness when the end was not reached', async () => {
    answers(report({ next: '2026-10-03:12' }), new Error('503'))
    const { look, run } = mounted()
    await run({})
    expect(look.value).toBeNull()
  })
})
