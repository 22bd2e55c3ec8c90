import type { MemberClientWithKey } from '../types'

/** For a shell: nothing inside single quotes is read, and a quote itself is said outside them. */
const shell = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`

/** A first call that the program's scopes allow, where one does. */
export function curlOf(client: MemberClientWithKey, origin: string): string {
  const path = !client.scopes.includes('permissions:read') && client.scopes.includes('catalog:read') ? '/admin/permission-catalog' : '/admin/permissions'
  const headers = [`X-Client-Key: ${client.client_key}`, `X-API-Key: ${client.api_key}`]
  return [`curl ${shell(origin + path)}`, ...headers.map((header) => `-H ${shell(header)}`)].join(' \\\n  ')
}
