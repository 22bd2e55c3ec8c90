import { createHmac } from 'node:crypto'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { LANGUAGES, sampleOf, VARIABLE } from './samples'

const key = Buffer.from('a key of thirty-two bytes, or so.')
const body = Buffer.from('{"id":"msg_1","type":"ping","at":"2026-11-27T10:00:00Z","data":{"naïve":"是"}}')

type Verify = (headers: Record<string, string>, body: Buffer) => boolean

/** The sample as it is shown, run. */
async function sample(): Promise<Verify> {
  process.env[VARIABLE] = `whsec_${key.toString('base64')}`
  const script = ts.transpileModule(sampleOf('typescript'), { compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ES2022 } }).outputText
  const { verify } = (await import(/* @vite-ignore */ `data:text/javascript,${encodeURIComponent(script)}`)) as { verify: Verify }
  return verify
}

const sign = (id: string, at: number, text: Buffer, own = key): string => `v1,${createHmac('sha256', own).update(`${id}.${at}.`).update(text).digest('base64')}`
const now = (): number => Math.floor(Date.now() / 1000)
const headers = (signature: string, at = now(), id = 'msg_1') => ({ 'webhook-id': id, 'webhook-timestamp': String(at), 'webhook-signature': signature })

describe('the sample for TypeScript', () => {
  it('believes what was signed, with one of several signatures too', async () => {
    const verify = await sample()
    expect(verify(headers(sign('msg_1', now(), body)), body)).toBe(true)
    const older = sign('msg_1', now(), body, Buffer.from('another key'))
    expect(verify(headers(`${older} ${sign('msg_1', now(), body)}`), body)).toBe(true)
    expect(verify(headers(older), body)).toBe(false)
  })

  it('refuses another body, another id, an old time, no time, and what is no signature', async () => {
    const verify = await sample()
    const right = sign('msg_1', now(), body)
    expect(verify(headers(right), Buffer.from(`${body.toString()} `))).toBe(false)
    expect(verify(headers(right, now(), 'msg_2'), body)).toBe(false)
    const old = now() - 301
    expect(verify(headers(sign('msg_1', old, body), old), body)).toBe(false)
    expect(verify({ ...headers(right), 'webhook-timestamp': 'today' }, body)).toBe(false)
    expect(verify(headers(right.replace('v1,', 'v2,')), body)).toBe(false)
    expect(verify(headers('v1,'), body)).toBe(false)
  })
})

describe('every sample', () => {
  it.each(LANGUAGES)('reads the secret from the environment in %s', (language) => {
    expect(sampleOf(language)).toContain(VARIABLE)
    expect(sampleOf(language)).not.toMatch(/whsec_[A-Za-z0-9+/]{8}/)
    for (const word of ['webhook-id', 'webhook-timestamp', 'webhook-signature', 'v1']) expect(sampleOf(language)).toContain(word)
  })
})
