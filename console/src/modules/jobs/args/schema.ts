import type { Json } from '@/api/jobs'

/** What a form shows for one place of a JSON Schema. What it cannot show is `json`: a small editor of its own. */
export type FieldKind = 'string' | 'integer' | 'number' | 'boolean' | 'choice' | 'datetime' | 'date' | 'array' | 'object' | 'map' | 'json'

export interface Choice {
  value: Json
  label: string
  description?: string
}

export interface Property {
  name: string
  required: boolean
  spec: FieldSpec
}

export interface FieldSpec {
  kind: FieldKind
  nullable: boolean
  title?: string
  description?: string
  default?: Json
  choices?: Choice[]
  min?: number
  max?: number
  minLength?: number
  maxLength?: number
  pattern?: string
  format?: string
  multiline?: boolean
  items?: FieldSpec
  minItems?: number
  maxItems?: number
  properties?: Property[]
  /** Of a map: what each of its values is. */
  values?: FieldSpec
}

type Schema = { [key: string]: Json }

const DEPTH = 8
const isObject = (value: Json | undefined): value is Schema => typeof value === 'object' && value !== null && !Array.isArray(value)
const text = (value: Json | undefined): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined)
const count = (value: Json | undefined): number | undefined => (typeof value === 'number' ? value : undefined)
const list = (value: Json | undefined): Json[] => (Array.isArray(value) ? value : [])

/** Follows `#/$defs/…` and joins a lone `allOf`; words that stand beside a reference win over those behind it. */
function resolved(schema: Json | undefined, root: Json, depth = 0): Schema {
  if (!isObject(schema) || depth > DEPTH) return {}
  const ref = text(schema['$ref'])
  const behind = ref ? resolved(pointed(root, ref), root, depth + 1) : {}
  const joined = list(schema['allOf']).reduce<Schema>((all, part) => merged(all, resolved(part, root, depth + 1)), behind)
  const { $ref: _ref, allOf: _all, ...own } = schema
  return merged(joined, own)
}

function merged(one: Schema, two: Schema): Schema {
  const both = { ...one, ...two }
  if (isObject(one['properties']) && isObject(two['properties'])) both['properties'] = { ...one['properties'], ...two['properties'] }
  if (Array.isArray(one['required']) && Array.isArray(two['required'])) both['required'] = [...one['required'], ...two['required']]
  return both
}

function pointed(root: Json, ref: string): Json | undefined {
  if (!ref.startsWith('#')) return undefined
  const steps = ref.slice(1).split('/').filter(Boolean).map((step) => decodeURIComponent(step).replace(/~1/g, '/').replace(/~0/g, '~'))
  return steps.reduce<Json | undefined>((at, step) => (isObject(at) ? at[step] : undefined), root)
}

const isNull = (schema: Schema): boolean => schema['type'] === 'null' || ('const' in schema && schema['const'] === null)

/** The schema as a form sees it. `depth` ends what refers to itself. */
export function fieldOf(schema: Json | undefined, root: Json = schema ?? {}, name = '', depth = 0): FieldSpec {
  if (depth > DEPTH) return { kind: 'json', nullable: true }
  let own = resolved(schema, root)
  let nullable = false

  const options = list(own['anyOf'] ?? own['oneOf']).map((option) => resolved(option, root))
  if (options.length > 0) {
    const real = options.filter((option) => !isNull(option))
    nullable = real.length < options.length
    const { anyOf: _any, oneOf: _one, ...outer } = own
    const choices = choicesOf(real)
    if (choices) own = { ...outer, choices: choices as unknown as Json }
    else if (real.length === 1 && real[0]) own = merged(real[0], outer)
    else return { ...words(own), kind: 'json', nullable }
  }
  const types = list(own['type']).length > 0 ? list(own['type']) : [own['type'] ?? null]
  nullable ||= types.includes('null')
  const named = types.filter((type) => type !== 'null' && type !== null)
  const base = { ...words(own), nullable }

  if (Array.isArray(own['choices'])) return { ...base, kind: 'choice', choices: own['choices'] as unknown as Choice[] }
  if (Array.isArray(own['enum'])) {
    const values = own['enum'].filter((value) => value !== null)
    return { ...base, nullable: nullable || values.length < own['enum'].length, kind: 'choice', choices: values.map((value) => ({ value, label: labelOf(value) })) }
  }
  if ('const' in own) return { ...base, kind: 'choice', choices: [{ value: own['const'] ?? null, label: labelOf(own['const'] ?? null) }], default: own['default'] ?? own['const'] }
  if (named.length > 1) return { ...base, kind: 'json' }

  switch (named[0] ?? (isObject(own['properties']) ? 'object' : undefined)) {
    case 'boolean':
      return { ...base, kind: 'boolean' }
    case 'integer':
    case 'number': {
      const whole = named[0] === 'integer'
      const above = count(own['exclusiveMinimum'])
      const below = count(own['exclusiveMaximum'])
      const min = count(own['minimum']) ?? (whole && above !== undefined ? above + 1 : above)
      const max = count(own['maximum']) ?? (whole && below !== undefined ? below - 1 : below)
      return { ...base, kind: whole ? 'integer' : 'number', min, max }
    }
    case 'string':
      return textField(own, base, name)
    case 'array': {
      if (list(own['prefixItems']).length > 0) return { ...base, kind: 'json' }
      return { ...base, kind: 'array', items: fieldOf(own['items'] ?? {}, root, '', depth + 1), minItems: count(own['minItems']), maxItems: count(own['maxItems']) }
    }
    case 'object':
      return objectField(own, base, root, depth)
    default:
      return { ...base, kind: 'json' }
  }
}

function words(schema: Schema): Pick<FieldSpec, 'title' | 'description' | 'default'> {
  return { title: text(schema['title']), description: text(schema['description']), default: schema['default'] }
}

function labelOf(value: Json): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** Several constants, each perhaps with its own words: how an enum with documented values is written. */
function choicesOf(options: Schema[]): Choice[] | null {
  const found: Choice[] = []
  for (const option of options) {
    if ('const' in option) found.push({ value: option['const'] ?? null, label: text(option['title']) ?? labelOf(option['const'] ?? null), description: text(option['description']) })
    else if (Array.isArray(option['enum'])) found.push(...option['enum'].map((value) => ({ value, label: labelOf(value), description: text(option['description']) })))
    else return null
  }
  return found.length > 0 ? found : null
}

const LONG = /^(body|text|html|message|content|template|script|query|sql|note|description)$/

function textField(own: Schema, base: Omit<FieldSpec, 'kind'>, name: string): FieldSpec {
  const format = text(own['format'])
  if (format === 'date-time') return { ...base, kind: 'datetime', format }
  if (format === 'date') return { ...base, kind: 'date', format }
  const maxLength = count(own['maxLength'])
  const multiline = !format && (LONG.test(name) || (maxLength ?? 0) > 300 || own['contentMediaType'] !== undefined)
  return { ...base, kind: 'string', format, maxLength, minLength: count(own['minLength']), pattern: text(own['pattern']), multiline }
}

function objectField(own: Schema, base: Omit<FieldSpec, 'kind'>, root: Json, depth: number): FieldSpec {
  const required = new Set(list(own['required']))
  const properties = isObject(own['properties']) ? Object.entries(own['properties']) : []
  if (properties.length > 0) {
    return { ...base, kind: 'object', properties: properties.map(([name, schema]) => ({ name, required: required.has(name), spec: fieldOf(schema, root, name, depth + 1) })) }
  }
  const more = own['additionalProperties']
  if (isObject(more)) return { ...base, kind: 'map', values: fieldOf(more, root, '', depth + 1) }
  // An object that says nothing of its fields, unless it says that there are none.
  return more === false ? { ...base, kind: 'object', properties: [] } : { ...base, kind: 'json' }
}
