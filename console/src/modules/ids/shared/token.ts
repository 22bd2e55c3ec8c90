/** A value for one Idempotency-Key. `crypto.randomUUID` exists only on https and localhost. */
export function newToken(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}
