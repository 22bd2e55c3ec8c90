import { defineStore } from 'pinia'
import { ref } from 'vue'

export interface LongJob {
  id: string
  what: 'export' | 'import' | 'check'
  /** i18n key of what it works on. */
  title: string
}

const KEPT = 20
const keyOf = (user: string): string => `tenon.long_jobs.${user}`

/** The long jobs that this person started in this browser, until they are put away. Only which; how they fare the server knows. */
export const useLongJobs = defineStore('long-jobs', () => {
  const list = ref<LongJob[]>([])
  let owner = ''

  function useFor(user: string): void {
    if (owner === user) return
    owner = user
    list.value = []
    try {
      const kept: unknown = JSON.parse(localStorage.getItem(keyOf(user)) ?? '[]')
      if (Array.isArray(kept)) list.value = (kept as LongJob[]).filter((one) => typeof one?.id === 'string' && typeof one.title === 'string')
    } catch {
      // Nothing is kept, nothing is shown.
    }
  }

  function write(next: LongJob[]): void {
    list.value = next.slice(0, KEPT)
    try {
      if (owner) localStorage.setItem(keyOf(owner), JSON.stringify(list.value))
    } catch {
      // Storage is full or forbidden: it is remembered until the page is closed.
    }
  }

  const add = (job: LongJob): void => write([job, ...list.value.filter((one) => one.id !== job.id)])
  const drop = (id: string): void => write(list.value.filter((one) => one.id !== id))

  return { list, useFor, add, drop }
})
