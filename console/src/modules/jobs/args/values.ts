import type { Json } from '@/api/jobs'
import type { FieldSpec } from './schema'

/** How the server shows a secret; sent back, it means "the one you know". */
export const MASK = '***'

/** A value under the hand of a form: `undefined` is a field that was left alone. */
export type Draft = Json | undefined

export interface Flaw {
  code: string
  params?: Record<string, unknown>
}

/** What a form starts with: defaults, and what has to be there anyway. */
export function initial(spec: FieldSpec, required = true): Draft {
  if (spec.default !== undefined) return copy(spec.default)
  if (!required || spec.nullable) return undefined
  switch (spec.kind) {
    case 'object':
      return Object.fromEntries((spec.properties ?? []).flatMap((property) => {
        const value = initial(property.spec, property.required)
        return value === undefined ? [] : [[property.name, value]]
      }))
    case 'array':
      return Array.from({ length: spec.minItems ?? 0 }, () => initial(spec.items ?? { kind: 'json', nullable: true }) ?? null)
    case 'map':
      return {}
    case 'boolean':
      return false
    case 'choice':
      return spec.choices?.length === 1 ? copy(spec.choices[0]?.value ?? null) : undefined
    default:
      return undefined
  }
}

function copy(value: Json): Json {
  return JSON.parse(JSON.stringify(value)) as Json
}

const empty = (value: Draft): boolean => value === undefined || value === null || value === ''

/** What is sent: nothing for what was left alone, null only where it may stand. */
export function cleaned(spec: FieldSpec, value: Draft, required = true): Draft {
  if (value === MASK) return value
  if (spec.kind === 'json') return value
  if (empty(value)) {
    if (required && value === '' && spec.kind === 'string' && !spec.nullable && (spec.minLength ?? 0) === 0) return ''
    return spec.nullable && (value === null || required) ? null : undefined
  }
  if (spec.kind === 'object' && isRecord(value)) {
    const known = new Set((spec.properties ?? []).map((property) => property.name))
    const own = (spec.properties ?? []).flatMap((property) => {
      const inner = cleaned(property.spec, value[property.name], property.required)
      return inner === undefined ? [] : [[property.name, inner] as const]
    })
    const others = Object.entries(value).filter(([name]) => !known.has(name))
    return Object.fromEntries([...own, ...others])
  }
  if (spec.kind === 'map' && isRecord(value)) {
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, cleaned(spec.values ?? { kind: 'json', nullable: true }, inner) ?? null]))
  }
  if (spec.kind === 'array' && Array.isArray(value)) {
    return value.map((inner) => cleaned(spec.items ?? { kind: 'json', nullable: true }, inner) ?? null)
  }
  return value
}

export function isRecord(value: Draft): value is { [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const join = (path: string, step: string | number): string => (path ? `${path}.${step}` : String(step))

/** What is wrong, by path (`items.0.email`), in the same words as the server's. It asks again, and has the last word. */
export function flaws(spec: FieldSpec, value: Draft, required = true, path = ''): Record<string, Flaw> {
  if (value === MASK) return {}
  if (spec.kind === 'json') return required && !spec.nullable && value === undefined ? { [path]: { code: 'required' } } : {}
  const found = (code: string, params?: Record<string, unknown>): Record<string, Flaw> => ({ [path]: { code, params } })
  if (empty(value)) {
    const emptyText = spec.kind === 'string' && value === '' && (spec.minLength ?? 0) === 0
    return required && !spec.nullable && !emptyText ? found('required') : {}
  }
  switch (spec.kind) {
    case 'string':
      return typeof value === 'string' ? textFlaw(spec, value, found) : found('wrong_type')
    case 'integer':
    case 'number':
      if (typeof value !== 'number' || !Number.isFinite(value) || (spec.kind === 'integer' && !Number.isInteger(value))) return found('wrong_type')
      return (spec.min !== undefined && value < spec.min) || (spec.max !== undefined && value > spec.max) ? outOfRange(spec, found) : {}
    case 'boolean':
      return typeof value === 'boolean' ? {} : found('wrong_type')
    case 'choice':
      return spec.choices?.some((choice) => same(choice.value, value)) ? {} : found('unknown_value')
    case 'datetime':
    case 'date':
      return typeof value === 'string' && !Number.isNaN(Date.parse(value)) ? {} : found('invalid_format')
    case 'array': {
      if (!Array.isArray(value)) return found('wrong_type')
      const size = value.length < (spec.minItems ?? 0) || value.length > (spec.maxItems ?? Infinity)
      if (size) return found('wrong_length', { min: spec.minItems ?? 0, max: spec.maxItems ?? '∞' })
      return Object.assign({}, ...value.map((inner, i) => flaws(spec.items ?? { kind: 'json', nullable: true }, inner, true, join(path, i))))
    }
    case 'map':
      if (!isRecord(value)) return found('wrong_type')
      return Object.assign({}, ...Object.entries(value).map(([name, inner]) => (name === '' ? found('required') : flaws(spec.values ?? { kind: 'json', nullable: true }, inner, true, join(path, name)))))
    case 'object':
      if (!isRecord(value)) return found('wrong_type')
      return Object.assign({}, ...(spec.properties ?? []).map((property) => flaws(property.spec, value[property.name], property.required, join(path, property.name))))
    default:
      return {}
  }
}

type Found = (code: string, params?: Record<string, unknown>) => Record<string, Flaw>

function outOfRange(spec: FieldSpec, found: Found): Record<string, Flaw> {
  return found('out_of_range', { min: spec.min ?? '−∞', max: spec.max ?? '∞' })
}

const EMAIL = /^[^\s@]+@[^\s@]+\.[^\s@]+$/
const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i

function textFlaw(spec: FieldSpec, value: string, found: Found): Record<string, Flaw> {
  const length = [...value].length
  if (spec.minLength !== undefined && length < spec.minLength) return found('too_short', { min: spec.minLength })
  if (spec.maxLength !== undefined && length > spec.maxLength) return found('too_long', { max: spec.maxLength })
  if (spec.format === 'email' && !EMAIL.test(value)) return found('not_an_email')
  if ((spec.format === 'uri' || spec.format === 'url') && !URL.canParse(value)) return found('not_a_url')
  if (spec.format === 'uuid' && !UUID.test(value)) return found('invalid_format')
  if (spec.pattern !== undefined && !matches(spec.pattern, value)) return found('invalid_format')
  return {}
}

function matches(pattern: string, value: string): boolean {
  try {
    return new RegExp(pattern, 'u').test(value)
  } catch {
    // Written for another engine: the server decides.
    return true
  }
}

export function same(one: Json, two: Draft): boolean {
  return JSON.stringify(one) === JSON.stringify(two)
}
