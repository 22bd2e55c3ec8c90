import { describe, expect, it } from 'vitest'
import type { Json } from '@/api/jobs'
import { readJson } from './json'
import { fieldOf, type FieldSpec } from './schema'
import { cleaned, flaws, initial, MASK } from './values'

/** As schemars writes it: references, nullable unions, documented enums, maps, numbers with bounds. */
const schema: Json = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  required: ['url', 'method', 'retry', 'recipients'],
  properties: {
    url: { type: 'string', format: 'uri', description: 'Where to', maxLength: 2000 },
    method: { oneOf: [{ const: 'get', description: 'Read' }, { const: 'post', description: 'Write' }], default: 'get' },
    level: { type: ['string', 'null'], enum: ['low', 'high', null] },
    headers: { type: 'object', additionalProperties: { type: 'string' } },
    retry: { $ref: '#/$defs/Retry', description: 'How often' },
    follow: { type: 'boolean', default: true },
    not_before: { anyOf: [{ type: 'string', format: 'date-time' }, { type: 'null' }] },
    recipients: { type: 'array', minItems: 1, maxItems: 3, items: { type: 'object', required: ['email'], properties: { email: { type: 'string', format: 'email' }, name: { type: 'string' } } } },
    body: { type: ['string', 'null'], default: null },
    extra: true,
    either: { anyOf: [{ type: 'string' }, { type: 'integer' }] },
    tree: { anyOf: [{ $ref: '#/$defs/Tree' }, { type: 'null' }] },
  },
  $defs: {
    Retry: { type: 'object', description: 'The definition’s own words', required: ['times'], properties: { times: { type: 'integer', exclusiveMinimum: 0, maximum: 9 }, wait: { type: 'number', minimum: 0.5, default: 1.5 } } },
    Tree: { type: 'object', properties: { child: { anyOf: [{ $ref: '#/$defs/Tree' }, { type: 'null' }] } } },
  },
}
const spec = fieldOf(schema)
const of = (name: string): FieldSpec => spec.properties?.find((p) => p.name === name)?.spec ?? { kind: 'json', nullable: false }

describe('a schema as a form', () => {
  it('gives each field its control', () => {
    expect(Object.fromEntries((spec.properties ?? []).map((p) => [p.name, p.spec.kind]))).toEqual({
      url: 'string', method: 'choice', level: 'choice', headers: 'map', retry: 'object', follow: 'boolean', not_before: 'datetime', recipients: 'array', body: 'string', extra: 'json', either: 'json', tree: 'object',
    })
  })

  it('knows what is required and what may be null', () => {
    expect(spec.properties?.filter((p) => p.required).map((p) => p.name)).toEqual(['url', 'method', 'retry', 'recipients'])
    expect(['level', 'not_before', 'body', 'tree', 'url'].map((name) => of(name).nullable)).toEqual([true, true, true, true, false])
  })

  it('follows references, and prefers the words beside them', () => {
    expect(of('retry').description).toBe('How often')
    expect(of('retry').properties?.map((p) => [p.name, p.spec.min, p.spec.max])).toEqual([['times', 1, 9], ['wait', 0.5, undefined]])
  })

  it('reads documented and plain enums, without their null', () => {
    expect(of('method').choices).toEqual([{ value: 'get', label: 'get', description: 'Read' }, { value: 'post', label: 'post', description: 'Write' }])
    expect(of('level').choices?.map((c) => c.value)).toEqual(['low', 'high'])
  })

  it('ends with a schema that contains itself', () => {
    let at: FieldSpec | undefined = of('tree')
    let depth = 0
    while (at?.kind === 'object' && depth < 50) {
      at = at.properties?.[0]?.spec
      depth += 1
    }
    expect(at?.kind).toBe('json')
    expect(depth).toBeLessThan(12)
  })

  it('takes no reference out of the document and no nonsense', () => {
    expect(fieldOf({ $ref: 'https://example.com/x.json' }).kind).toBe('json')
    expect(fieldOf(null).kind).toBe('json')
    expect(fieldOf({ type: 'object', additionalProperties: false })).toMatchObject({ kind: 'object', properties: [] })
  })
})

describe('the first values', () => {
  it('are the defaults and what must be there', () => {
    expect(initial(spec)).toEqual({ method: 'get', follow: true, body: null, retry: { wait: 1.5 }, recipients: [{}] })
  })

  it('are copies, so that a form cannot change its schema', () => {
    const one = initial(fieldOf({ type: 'array', items: { type: 'string' }, default: ['a'] })) as string[]
    one.push('b')
    expect(initial(fieldOf({ type: 'array', items: { type: 'string' }, default: ['a'] }))).toEqual(['a'])
  })
})

describe('what is sent', () => {
  it('leaves out what was left alone and keeps null where it may stand', () => {
    const value = { url: 'https://a.example', method: 'get', level: null, headers: { a: 'b' }, retry: { times: 1, wait: null }, recipients: [{ email: 'a@b.c', name: '' }], body: '', not_before: undefined as never, extra: { any: 1 } }
    expect(cleaned(spec, value)).toEqual({ url: 'https://a.example', method: 'get', level: null, headers: { a: 'b' }, retry: { times: 1 }, recipients: [{ email: 'a@b.c' }], extra: { any: 1 } })
  })

  it('keeps a masked secret as it is, whatever its kind', () => {
    expect(cleaned(spec, { url: MASK, headers: MASK })).toEqual({ url: MASK, headers: MASK })
    expect(flaws(of('headers'), MASK)).toEqual({})
  })

  it('keeps fields that the schema does not know', () => {
    expect(cleaned(fieldOf({ type: 'object', properties: { a: { type: 'string' } } }), { a: 'x', old: 1 })).toEqual({ a: 'x', old: 1 })
  })
})

describe('what is wrong', () => {
  const codes = (value: never) => Object.fromEntries(Object.entries(flaws(spec, value)).map(([path, flaw]) => [path, flaw.code]))

  it('is found at its path', () => {
    expect(codes({ url: 'nowhere', method: 'put', retry: { times: 0, wait: 0.1 }, recipients: [{ email: 'a@b.c' }, { email: 'x' }, {}], not_before: 'soon', headers: { '': 'x' }, follow: 'yes' } as never)).toEqual({
      url: 'not_a_url', method: 'unknown_value', 'retry.times': 'out_of_range', 'retry.wait': 'out_of_range', 'recipients.1.email': 'not_an_email', 'recipients.2.email': 'required', not_before: 'invalid_format', headers: 'required', follow: 'wrong_type',
    })
  })

  it('is nothing when all is well', () => {
    expect(codes({ url: 'https://a.example', method: 'post', retry: { times: 3 }, recipients: [{ email: 'a@b.c' }] } as never)).toEqual({})
  })

  it('is a list of the wrong length, a fraction, a text too long', () => {
    expect(codes({ url: 'https://a.example', method: 'get', retry: { times: 1.5 }, recipients: [] } as never)).toEqual({ 'retry.times': 'wrong_type', recipients: 'wrong_length' })
    expect(flaws(fieldOf({ type: 'string', maxLength: 2 }), '榫卯榫')).toEqual({ '': { code: 'too_long', params: { max: 2 } } })
    expect(flaws(fieldOf({ type: 'string', pattern: '^[a-z]+$' }), 'A')).toEqual({ '': { code: 'invalid_format', params: undefined } })
  })

  it('leaves a pattern that this engine cannot read to the server', () => {
    expect(flaws(fieldOf({ type: 'string', pattern: '(?x) [' }), 'A')).toEqual({})
  })
})

describe('JSON by hand', () => {
  it('is read', () => {
    expect(readJson('{"a":[1]}')).toEqual({ value: { a: [1] } })
  })

  it('says where it breaks', () => {
    const broken = readJson('{\n  "a": 1,\n  b: 2\n}')
    expect(broken).toMatchObject({ fault: { line: 3, column: 3 } })
    expect(readJson('{"a":')).toMatchObject({ fault: { line: 1 } })
  })
})
