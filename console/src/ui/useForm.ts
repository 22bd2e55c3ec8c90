import { ref, type Ref } from 'vue'
import { asApiError } from '@/api/errors'
import { fieldTexts, problemText } from './problem'

export interface FormState {
  busy: Ref<boolean>
  errors: Ref<Record<string, string>>
  failure: Ref<string>
  run<T>(work: () => Promise<T>, known?: string[]): Promise<{ value: T } | null>
  fail(field: string, text: string): void
  clear(): void
}

/** What every form needs: one submit at a time, problems at their fields, the rest above the form. */
export function useForm(): FormState {
  const busy = ref(false)
  const errors = ref<Record<string, string>>({})
  const failure = ref('')

  function clear(): void {
    errors.value = {}
    failure.value = ''
  }

  function fail(field: string, text: string): void {
    errors.value = { ...errors.value, [field]: text }
  }

  async function run<T>(work: () => Promise<T>, known?: string[]): Promise<{ value: T } | null> {
    if (busy.value) return null
    busy.value = true
    clear()
    try {
      return { value: await work() }
    } catch (error) {
      errors.value = fieldTexts(error)
      const foreign = Object.entries(errors.value).filter(([field]) => known && !field.includes('.') && !known.includes(field))
      const { requestId } = asApiError(error)
      if (foreign.length > 0) failure.value = foreign.map(([field, text]) => `${field}: ${text}`).join('; ')
      else if (Object.keys(errors.value).length === 0) failure.value = problemText(error) + (requestId ? ` (${requestId})` : '')
      return null
    } finally {
      busy.value = false
    }
  }

  return { busy, errors, failure, run, fail, clear }
}
