/** The body as people read it. What is sent stays as it is: the signature is of its bytes. */
export function readable(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), null, 2)
  } catch {
    return body
  }
}

export type TryTone = 'good' | 'bad'

/** `2xx` alone is success: a redirect is not followed. */
export function toneOf(status: number | null, error: string | null): TryTone {
  return error === null && status !== null && status >= 200 && status < 300 ? 'good' : 'bad'
}
