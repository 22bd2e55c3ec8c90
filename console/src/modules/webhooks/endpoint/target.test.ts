import { describe, expect, it } from 'vitest'
import { isPlain, isTarget } from './target'

describe('where an endpoint is', () => {
  it.each(['https://shop.example.com/hooks', 'http://10.0.0.7:8080/', 'HTTPS://a.b?x=1'])('can be %s', (text) => expect(isTarget(text)).toBe(true))
  it.each(['', 'shop.example.com', 'ftp://a/', 'https://', 'https://user:word@a.b/', 'https://a b/', 'javascript:alert(1)'])('cannot be “%s”', (text) => expect(isTarget(text)).toBe(false))

  it('is told to be readable by others without TLS', () => {
    expect([isPlain('http://a.b/'), isPlain('https://a.b/'), isPlain('http://')]).toEqual([true, false, false])
  })
})
