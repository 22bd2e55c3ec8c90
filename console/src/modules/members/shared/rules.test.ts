import { describe, expect, it } from 'vitest'
import { firstWrong, isClientKey, isGrant, isNetwork, isOrigin, isPath, isUrl, type Rule } from './rules'

const cases: [string, Rule, string[], string[]][] = [
  ['what may be granted', isGrant, ['orders', 'orders:read', 'a.b-c_d:x1'], ['', 'Orders', 'orders:', ':read', 'orders:read:all', '1st', '*', 'orders:*', 'a'.repeat(64)]],
  ['an origin', isOrigin, ['https://shop.example', 'HTTP://shop.example:8080'], ['shop.example', 'https://', 'https://a/b', 'ftp://a', 'https://*.example', 'null']],
  ['a network', isNetwork, ['10.0.0.0/8', '10.1.2.3', '::1', '2001:db8::/32', '::ffff:10.1.2.3'], ['', '10.0.0', '256.1.1.1', '010.0.0.1', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/8/8', '::1/129', 'fe80::1::2', 'localhost', 'a:b:x']],
  ['a path', isPath, ['/admin/permissions', '/admin/*', '/*'], ['admin', '', '/a/*/b', '/a*']],
  ['a client key', isClientKey, ['abc', 'Shop_back-office1'], ['ab', 'a b c', 'ключ', 'a'.repeat(65)]],
  ['a URL', isUrl, ['https://id.example.com/', 'http://id'], ['id.example.com', 'https://', 'ftp://id']],
]

describe.each(cases)('%s', (_name, rule, right, wrong) => {
  it.each(right)('can be %s', (text) => expect(rule(text)).toBe(true))
  it.each(wrong)('cannot be “%s”', (text) => expect(rule(text)).toBe(false))
})

describe('a list', () => {
  it('names its first wrong entry', () => {
    expect(firstWrong(['/a', 'b', 'c'], isPath)).toBe('b')
    expect(firstWrong(['/a'], isPath)).toBeNull()
    expect(firstWrong(null, isPath)).toBeNull()
  })
})
