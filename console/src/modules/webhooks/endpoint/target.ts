/** Whether a receiver can be there: the server looks closer, and says what it refuses. */
export function isTarget(text: string): boolean {
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) return false
  const url = new URL(text)
  return url.hostname !== '' && url.username === '' && url.password === ''
}

/** Without TLS everybody on the way reads along. */
export function isPlain(text: string): boolean {
  return /^http:\/\//i.test(text.trim()) && isTarget(text.trim())
}
