import { describe, expect, it } from 'vitest'
import { readEnvelope, Refused } from './allocate'
import { LANGUAGES, sampleOf, type Call } from './samples'

const segment: Call = {
  baseUrl: 'https://ids.example.com',
  body: { wire: 'segment', allocate: { system_code: "shop's", db_name: 'shop_a', table_name: 'or"der\\s', field_name: 'id', segment_count: 10000 } },
  needsKey: false, idempotencyKey: null,
}
const next: Call = { baseUrl: 'https://ids.example.com', body: { wire: 'next', key: 'invoice', count: 3 }, needsKey: false, idempotencyKey: null }

describe('samples', () => {
  it('carry what was typed, in the quotes of their language', () => {
    const [curl, python, typescript, rust] = LANGUAGES.map((language) => sampleOf(language, segment))
    expect(curl).toContain(`"system_code": "shop'\\''s"`)
    for (const text of [python, typescript, rust]) expect(text).toContain('"or\\"der\\\\s"')
    for (const text of [curl, typescript, rust]) expect(text).toContain('/api/segment/allocate')
    expect(python).toContain('segment_count=10000')
  })

  it.each(LANGUAGES)('carry a key in %s only where one is needed, and never the key itself', (language) => {
    for (const call of [segment, next]) {
      expect(sampleOf(language, call)).not.toMatch(/api.key/i)
      expect(sampleOf(language, { ...call, needsKey: true })).toContain('TENON_API_KEY')
    }
  })

  it.each(LANGUAGES)('carry the Idempotency-Key in %s', (language) => {
    expect(sampleOf(language, { ...segment, idempotencyKey: 'abc' })).toMatch(/idempotency.key.*abc/i)
  })

  it('speak to the newer endpoint too', () => {
    for (const language of ['curl', 'typescript', 'rust'] as const) expect(sampleOf(language, next)).toContain('/api/ids/next')
    expect(sampleOf('python', next)).toContain('client.next_ids(\n    "invoice",\n    count=3,\n)')
    expect(sampleOf('rust', { ...next, body: { wire: 'next', key: 'a\u0001b', count: 1 } })).toContain('"a\\u{0001}b"')
  })
})

describe('the envelope', () => {
  it('gives the range, whether its ends are numbers or text', () => {
    expect(readEnvelope(200, '{"code":0,"msg":"","data":{"start":9007199254740990,"end":"9007199254740999"},"traceId":null}', null)).toEqual({ start: '9007199254740990', end: '9007199254740999' })
  })

  it.each([
    [200, '{"code":404,"msg":"no such key","data":null,"traceId":null}', 404, 'no such key'],
    [503, '{"code":503,"msg":"busy","data":null,"traceId":null}', 503, 'busy'],
    [401, '{"detail":"Authorization header missing"}', 401, 'Authorization header missing'],
    [422, '{"detail":[{"type":"missing","loc":["body","db_name"],"msg":"Field required"}]}', 422, 'db_name: Field required'],
    [502, '<html>', 502, '<html>'],
  ])('tells a refusal: HTTP %i %s', (status, body, code, message) => {
    try {
      readEnvelope(status, body, '3')
      expect.unreachable()
    } catch (error) {
      expect(error).toBeInstanceOf(Refused)
      expect(error).toMatchObject({ code, message, retryAfter: '3' })
    }
  })
})
