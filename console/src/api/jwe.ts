import type { PublicKey } from './types'

const text = new TextEncoder()

export function base64url(bytes: Uint8Array): string {
  let binary = ''
  for (const byte of bytes) binary += String.fromCharCode(byte)
  return btoa(binary).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')
}

export function canEncrypt(): boolean {
  return globalThis.isSecureContext === true && typeof globalThis.crypto?.subtle?.encrypt === 'function'
}

/** `now` comes from the server's Date header where there is one: the server allows two minutes, and clocks of PCs drift. */
export function passwordClaims(password: string, now: number = Date.now()) {
  return {
    password,
    nonce: base64url(crypto.getRandomValues(new Uint8Array(16))),
    iat: Math.floor(now / 1000),
  }
}

/** Compact JWE (RFC 7516): RSA-OAEP-256 wraps a fresh A256GCM key; the header is the additional data. */
export async function encryptJwe(payload: unknown, key: Pick<PublicKey, 'kid' | 'jwk'>): Promise<string> {
  const { subtle } = crypto
  const header = base64url(text.encode(JSON.stringify({ alg: 'RSA-OAEP-256', enc: 'A256GCM', kid: key.kid })))
  const { kty, n, e } = key.jwk
  const wrapping = await subtle.importKey('jwk', { kty, n, e, alg: 'RSA-OAEP-256', ext: true }, { name: 'RSA-OAEP', hash: 'SHA-256' }, false, ['encrypt'])
  const secret = crypto.getRandomValues(new Uint8Array(32))
  const iv = crypto.getRandomValues(new Uint8Array(12))
  const content = await subtle.importKey('raw', secret, 'AES-GCM', false, ['encrypt'])
  const sealed = new Uint8Array(
    await subtle.encrypt({ name: 'AES-GCM', iv, additionalData: text.encode(header), tagLength: 128 }, content, text.encode(JSON.stringify(payload))),
  )
  const wrapped = new Uint8Array(await subtle.encrypt({ name: 'RSA-OAEP' }, wrapping, secret))
  const tagAt = sealed.length - 16
  return [header, base64url(wrapped), base64url(iv), base64url(sealed.subarray(0, tagAt)), base64url(sealed.subarray(tagAt))].join('.')
}
