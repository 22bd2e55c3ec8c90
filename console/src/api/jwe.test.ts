import { webcrypto } from 'node:crypto'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { encryptJwe, passwordClaims } from './jwe'

const bytes = (text: string) => Uint8Array.from(Buffer.from(text, 'base64url'))

describe('the JWE of a sign-in', () => {
  let pair: webcrypto.CryptoKeyPair
  let jwk: JsonWebKey

  beforeAll(async () => {
    vi.stubGlobal('crypto', webcrypto)
    pair = await webcrypto.subtle.generateKey({ name: 'RSA-OAEP', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' }, true, ['encrypt', 'decrypt'])
    // The server's key says more than we may pass on: `use` and `key_ops` would restrict the import.
    jwk = { ...(await webcrypto.subtle.exportKey('jwk', pair.publicKey)), use: 'enc', key_ops: [] } as JsonWebKey
  })

  async function open(token: string) {
    const [header = '', key = '', iv = '', body = '', tag = ''] = token.split('.')
    const cek = await webcrypto.subtle.decrypt({ name: 'RSA-OAEP' }, pair.privateKey, bytes(key))
    const aes = await webcrypto.subtle.importKey('raw', cek, 'AES-GCM', false, ['decrypt'])
    const sealed = Buffer.concat([bytes(body), bytes(tag)])
    const plain = await webcrypto.subtle.decrypt({ name: 'AES-GCM', iv: bytes(iv), additionalData: new TextEncoder().encode(header) }, aes, sealed)
    return { header: JSON.parse(Buffer.from(header, 'base64url').toString()) as unknown, claims: JSON.parse(Buffer.from(plain).toString()) as { password: string; nonce: string; iat: number } }
  }

  it('opens to what was put in, with the agreed algorithms', async () => {
    const password = '长密码 with spaces and 榫卯 '.repeat(12)
    const token = await encryptJwe(passwordClaims(password, 1_764_000_000_500), { kid: 'k1', jwk })
    const { header, claims } = await open(token)
    expect(header).toEqual({ alg: 'RSA-OAEP-256', enc: 'A256GCM', kid: 'k1' })
    expect(claims.password).toBe(password)
    expect(claims.iat).toBe(1_764_000_000)
    expect(claims.nonce.length).toBeGreaterThanOrEqual(22)
    expect(token).toMatch(/^[\w-]+(\.[\w-]+){4}$/)
  })

  it('never repeats', async () => {
    const claims = passwordClaims('x')
    expect(await encryptJwe(claims, { kid: 'k', jwk })).not.toBe(await encryptJwe(claims, { kid: 'k', jwk }))
    expect(passwordClaims('x').nonce).not.toBe(claims.nonce)
  })
})
