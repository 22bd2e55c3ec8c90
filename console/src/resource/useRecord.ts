import { useQuery } from '@tanstack/vue-query'
import { computed, ref, watch } from 'vue'
import { asApiError } from '@/api/errors'
import { keys } from '@/api/keys'
import { t } from '@/locales'
import { toast } from '@/ui/feedback'
import { useForm } from '@/ui/useForm'
import type { ResourceDefinition, Row } from './types'
import { useResource } from './useResource'

export type Draft = Record<string, unknown>

export interface Conflict<T> {
  theirs: T
  mine: Draft
  fields: string[]
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a ?? null) === JSON.stringify(b ?? null)

/** One record being edited: its draft, what changed, and what to do when somebody else was faster. */
export function useRecord<T extends Row>(definition: ResourceDefinition<T>, id: string) {
  const isNew = id === 'new'
  const resource = useResource(definition)
  const form = useForm()
  const fields = Object.keys(definition.blank?.() ?? {})
  const draft = ref<Draft>(definition.blank?.() ?? {})
  const base = ref<T | null>(null)
  const conflict = ref<Conflict<T> | null>(null)
  const query = useQuery({ queryKey: keys.record(definition.name, id), queryFn: () => resource.get(id), enabled: !isNew, staleTime: 0, refetchOnMount: 'always' })

  const pick = (record: T): Draft => {
    const all = record as unknown as Draft
    return structuredCloneSafe(Object.fromEntries(fields.map((field) => [field, all[field] ?? null])))
  }
  function adopt(record: T): void {
    base.value = record as typeof base.value
    draft.value = pick(record)
  }
  watch(query.data, (record) => { if (record && !dirty.value) adopt(record as T) }, { immediate: false })

  const changes = computed<Draft>(() => {
    const before = base.value ? pick(base.value as T) : {}
    return Object.fromEntries(fields.filter((field) => !same(draft.value[field], before[field])).map((field) => [field, draft.value[field]]))
  })
  const dirty = computed(() => (isNew ? !same(draft.value, definition.blank?.() ?? {}) : base.value !== null && Object.keys(changes.value).length > 0))

  if (query.data.value) adopt(query.data.value as T)

  /** Null is "clear" for a PATCH, but a creation simply leaves out what was not filled in. */
  const creation = (): Draft => Object.fromEntries(Object.entries(draft.value).filter(([, value]) => value !== null && value !== ''))

  async function save(version = base.value?.version): Promise<T | null> {
    const done = await form.run(async () => {
      try {
        return isNew ? await resource.create(creation()) : await resource.update(id, changes.value, version)
      } catch (error) {
        if (isNew || !asApiError(error).isConflict) throw error
        await meet()
        return null
      }
    }, fields)
    if (!done?.value) return null
    toast(t(isNew ? 'resource.created' : 'resource.saved'))
    return done.value
  }

  /** Fields that only they changed are theirs in both versions: keeping mine must not undo them. */
  async function meet(): Promise<void> {
    const touched = changes.value
    const theirs = await resource.get(id)
    const other = pick(theirs)
    const mine = { ...other, ...touched }
    conflict.value = { theirs: theirs as never, mine, fields: fields.filter((field) => !same(other[field], mine[field])) }
  }

  async function keepMine(): Promise<T | null> {
    const met = conflict.value
    if (!met) return null
    base.value = met.theirs
    draft.value = met.mine
    conflict.value = null
    return save()
  }

  function takeTheirs(): void {
    if (conflict.value) adopt(conflict.value.theirs as T)
    conflict.value = null
  }

  return { isNew, resource, form, draft, base, dirty, query, conflict, save, keepMine, takeTheirs }
}

function structuredCloneSafe<V>(value: V): V {
  return JSON.parse(JSON.stringify(value)) as V
}
