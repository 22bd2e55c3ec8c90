import { ref } from 'vue'
import { useQueryClient } from '@tanstack/vue-query'
import { ApiError } from '@/api/errors'
import { problemText } from '@/ui/problem'
import { asks, service } from '../api'
import { countOf } from '../shared/big'
import type { Big } from '../types'
import { allocate, Refused, type AllocateBody } from './allocate'

export interface Taken {
  n: number
  key: string
  start: Big | null
  end: Big | null
  /** Ids that are no range: of generators. */
  ids: string[]
  count: bigint
  milliseconds: number
  /** The same ids came before, under the same Idempotency-Key. */
  again: boolean
  body: string
}

export interface Failure { text: string; code: string; retryAfter: string | null }

const KEPT = 20

/** The calls of this visit: the newest first. */
export function useCalls() {
  const client = useQueryClient()
  const taken = ref<Taken[]>([])
  const failure = ref<Failure | null>(null)
  const busy = ref(false)
  let n = 0

  async function run(work: () => Promise<Omit<Taken, 'n' | 'again'>>): Promise<void> {
    if (busy.value) return
    busy.value = true
    failure.value = null
    try {
      const one = await work()
      const same = (other: Taken): boolean => other.key === one.key && other.start === one.start && other.ids.join() === one.ids.join()
      n += 1
      taken.value = [{ ...one, n, again: taken.value.some(same) }, ...taken.value].slice(0, KEPT)
      void client.invalidateQueries({ queryKey: asks.keys })
    } catch (error) {
      failure.value = error instanceof Refused
        ? { text: error.message, code: String(error.code), retryAfter: error.retryAfter }
        : { text: problemText(error), code: error instanceof ApiError ? error.code : '', retryAfter: null }
    } finally {
      busy.value = false
    }
  }

  const bySegment = (body: AllocateBody, options: { idempotencyKey?: string; apiKey?: string }) => run(async () => {
    const answer = await allocate(body, options)
    const { start, end } = answer.range
    const key = [body.system_code, body.db_name, body.table_name, body.field_name].join(':').toLowerCase()
    return { key, start, end, ids: [], count: countOf(start, end), milliseconds: answer.milliseconds, body: answer.body }
  })

  const byName = (name: string, count: number, idempotencyKey?: string) => run(async () => {
    const begun = performance.now()
    const answer = await service.next(name, count, idempotencyKey)
    const start = answer.start ?? (answer.kind === 'counter' ? answer.ids[0] : undefined) ?? null
    const end = answer.end ?? (answer.kind === 'counter' ? answer.ids.at(-1) : undefined) ?? null
    const many = answer.ids.length > 20 ? { ...answer, ids: [...answer.ids.slice(0, 20), '…'] } : answer
    return {
      key: answer.key, start, end, ids: start ? [] : answer.ids, count: start && end ? countOf(start, end) : BigInt(answer.ids.length),
      milliseconds: Math.round(performance.now() - begun), body: JSON.stringify(many, null, 2),
    }
  })

  return { taken, failure, busy, bySegment, byName }
}
