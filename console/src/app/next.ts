/** Where to go after sign-in. Only a path of this console: `//evil.example` and `/\evil` are other hosts to a browser. */
export function safeNext(next: unknown): string {
  if (typeof next !== 'string' || !next.startsWith('/') || /^\/[/\\]/.test(next)) return '/'
  // A browser drops tabs and line ends inside a URL, so they could hide a second slash.
  if (/[\u0000-\u001f\u007f]/.test(next)) return '/'
  return next
}
