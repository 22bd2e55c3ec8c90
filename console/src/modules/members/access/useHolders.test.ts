import { QueryClient, VueQueryPlugin } from '@tanstack/vue-query'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createApp, defineComponent, h, nextTick, ref } from 'vue'
import { grants } from '../grant/api'
import type { Holder, Tuple } from '../grant/types'
import { useHolders } from './useHolders'

const tuple = (scope_id: string): Tuple => ({ scope_type: 'shop', scope_id, module: 'mkt', action: 'read' })
const holder = (username: string): Holder => ({ user: { username }, origins: [] }) as unknown as Holder
let stop = (): void => {}
afterEach(() => { stop(); vi.restoreAllMocks() })

describe('who holds a tuple', () => {
  it('shows nobody of the question before while the new one is not answered', async () => {
    let answer = (_: { items: Holder[]; total: number }): void => {}
    vi.spyOn(grants, 'whoCan').mockImplementation(() => new Promise((resolve) => { answer = resolve }))
    const asked = ref(tuple('7'))
    let query: ReturnType<typeof useHolders> | undefined
    const app = createApp(defineComponent({
      setup() {
        query = useHolders(asked)
        return () => h('i')
      },
    }))
    app.use(VueQueryPlugin, { queryClient: new QueryClient() })
    app.mount(document.createElement('div'))
    stop = () => app.unmount()
    answer({ items: [holder('ann')], total: 1 })
    await vi.waitFor(() => expect(query?.data.value?.items[0]?.user.username).toBe('ann'))
    asked.value = tuple('8')
    await nextTick()
    await vi.waitFor(() => expect(grants.whoCan).toHaveBeenCalledTimes(2))
    expect([query?.data.value, query?.isPending.value]).toEqual([undefined, true])
    answer({ items: [holder('ben')], total: 1 })
    await vi.waitFor(() => expect(query?.data.value?.items[0]?.user.username).toBe('ben'))
  })
})
