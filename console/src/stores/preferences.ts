import { defineStore } from 'pinia'
import { reactive, ref, watch } from 'vue'
import { detectLocale, type Locale } from '@/locales/detect'

export type Theme = 'light' | 'dark' | 'system'
export type Density = 'compact' | 'default' | 'roomy'

export interface TablePreference {
  hidden?: string[]
  density?: Density
  pageSize?: number
}

const KEY = 'tenon.preferences'

function read<T>(key: string, fallback: T): T {
  try {
    return { ...fallback, ...(JSON.parse(localStorage.getItem(key) ?? '{}') as Partial<T>) }
  } catch {
    return fallback
  }
}

function write(key: string, value: unknown): void {
  try {
    localStorage.setItem(key, JSON.stringify(value))
  } catch {
    // Storage is full or forbidden: the choice lasts until the page is closed.
  }
}

/** What this browser remembers. Tables are remembered per user, because two people may share a browser. */
export const usePreferences = defineStore('preferences', () => {
  const stored = read(KEY, { theme: 'system' as Theme, locale: null as Locale | null, collapsed: false })
  const theme = ref<Theme>(stored.theme)
  const locale = ref<Locale>(detectLocale(stored.locale))
  const collapsed = ref(stored.collapsed)
  const dark = ref(false)
  const tables = reactive<Record<string, TablePreference>>({})
  let owner = ''

  const system = window.matchMedia('(prefers-color-scheme: dark)')
  function apply(): void {
    dark.value = theme.value === 'dark' || (theme.value === 'system' && system.matches)
    document.documentElement.classList.toggle('dark', dark.value)
  }
  system.addEventListener('change', apply)
  apply()
  watch([theme, locale, collapsed], () => {
    apply()
    write(KEY, { theme: theme.value, locale: locale.value, collapsed: collapsed.value })
  })

  function useFor(userId: string): void {
    if (owner === userId) return
    owner = userId
    for (const name of Object.keys(tables)) delete tables[name]
    Object.assign(tables, read<Record<string, TablePreference>>(`tenon.tables.${userId}`, {}))
  }

  function setTable(name: string, change: TablePreference): void {
    tables[name] = { ...tables[name], ...change }
    if (owner) write(`tenon.tables.${owner}`, tables)
  }

  return { theme, locale, collapsed, dark, tables, useFor, setTable }
})
