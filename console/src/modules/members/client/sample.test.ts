import { describe, expect, it } from 'vitest'
import type { MemberClientWithKey } from '../types'
import { curlOf } from './sample'

const client = (scopes: string[]) => ({ client_key: 'shop', api_key: 'mk_live_x', scopes }) as MemberClientWithKey

describe('the sample call', () => {
  it('sends both headers', () => {
    expect(curlOf(client(['permissions:read', 'catalog:read']), 'https://tenon.example')).toBe(
      "curl 'https://tenon.example/admin/permissions' \\\n  -H 'X-Client-Key: shop' \\\n  -H 'X-API-Key: mk_live_x'")
  })

  it('reads the catalogue where that is what may be read', () => {
    expect(curlOf(client(['catalog:read']), '')).toContain("'/admin/permission-catalog'")
    expect(curlOf(client([]), '')).toContain("'/admin/permissions'")
  })
})
