import { http, send } from './client'
import { canEncrypt, encryptJwe, passwordClaims } from './jwe'
import type { CheckInit, Me, MenuNode, PublicKey, SignedIn } from './types'

export const checkInit = () => http.get<CheckInit>('/api/auth/check-init')
export const userInfo = () => http.get<Me>('/api/auth/user/info')
export const menus = async () => (await http.get<{ items: MenuNode[] }>('/api/auth/menus')).items

/** The password leaves the browser encrypted wherever WebCrypto exists, so that it never stands in a proxy's log. */
export async function credentials(password: string): Promise<{ password: string } | { encrypted_password: string }> {
  if (!canEncrypt()) return { password }
  const response = await send('get', '/api/auth/keys/public')
  const key = (await response.json()) as PublicKey
  const date = Date.parse(response.headers.get('date') ?? '')
  return { encrypted_password: await encryptJwe(passwordClaims(password, Number.isNaN(date) ? Date.now() : date), key) }
}

export async function login(username: string, password: string): Promise<SignedIn> {
  return http.post<SignedIn>('/api/auth/login', { username, ...(await credentials(password)) })
}

export interface SetupInput {
  username: string
  password: string
  email?: string
  name?: string
  organization?: string
  locale?: string
}

export function initUser(input: SetupInput, setupToken?: string): Promise<SignedIn> {
  const headers: Record<string, string> = setupToken ? { 'X-Setup-Token': setupToken } : {}
  return http.post<SignedIn>('/api/auth/init-user', input, { headers })
}

export const logout = (all = false) => http.post<null>('/api/auth/logout', all ? { all: true } : {})
export const switchOrganization = (organization_id: string) =>
  http.post<SignedIn>('/api/auth/switch-organization', { organization_id })
