// Words that every spec uses.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

export const field = (name) => `input[data-testid="${name}"]`
export const id = (name) => `[data-testid="${name}"]`
/** Distinguishes runs against one server. */
export const run = Date.now().toString(36)
export const owner = { username: process.env.E2E_USERNAME ?? 'owner', password: process.env.E2E_PASSWORD ?? 'tongue-and-mortise-71' }
export const guest = { username: `guest_${run}`, password: `dovetail-and-${run}-peg`, email: `guest_${run}@example.com` }

export async function signIn(page, person) {
  await page.goto('/sign-in')
  await page.fill(field('sign-in-username'), person.username)
  await page.fill(field('sign-in-password'), person.password)
  await page.click(id('sign-in-submit'))
  await page.waitForSelector(id('home'))
}

/** Until nothing is being loaded and no skeleton is shown. */
export async function settled(page) {
  await page.waitForLoadState('networkidle')
  await page.locator(id('skeleton')).first().waitFor({ state: 'detached' })
}

export const row = (page, text) => page.locator(id('row'), { hasText: text }).first()
export const confirm = (page) => page.click('.el-message-box__btns .el-button--primary, .el-message-box__btns .el-button--danger')

/** The API, spoken to directly: for what a test needs and is not about. Answers with status and body. */
export function caller(url, token) {
  return async (method, path, body) => {
    const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) }
    const answer = await fetch(url + path, { method, headers, body: body && JSON.stringify(body) })
    const text = await answer.text()
    return { status: answer.status, body: text ? JSON.parse(text) : null }
  }
}

export async function tokenOf(url, person) {
  const { status, body } = await caller(url)('POST', '/api/auth/login', { username: person.username, password: person.password })
  if (status !== 200) throw new Error(`${person.username} cannot sign in: ${JSON.stringify(body)}`)
  return body.access_token
}

/** Somebody who has joined the owner's organisation, without a role. */
export async function joined(url, name) {
  const person = { username: `${name}_${run}`, password: `scarf-joint-${run}-wedge`, email: `${name}_${run}@example.com` }
  const made = await caller(url, await tokenOf(url, owner))('POST', '/api/invitations/', { email: person.email, role_ids: [] })
  const token = new URL(made.body.link).searchParams.get('token')
  const { username, password } = person
  const { status, body } = await caller(url)('POST', `/api/auth/invitations/${token}/accept`, { username, password })
  if (status >= 300) throw new Error(`${name} cannot join: ${JSON.stringify(body)}`)
  return person
}

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js')

/** Nothing on the page that would keep somebody out: WCAG 2.1 AA, as far as a machine can tell. */
export async function accessible(page, name) {
  // Evaluated from outside, since the page's own policy lets no foreign script in.
  await page.evaluate(readFileSync(AXE, 'utf8'))
  const found = await page.evaluate(async () => {
    const { violations } = await globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'] })
    return violations.filter((one) => ['serious', 'critical'].includes(one.impact)).map((one) => `${one.id}: ${one.nodes.map((node) => node.html.slice(0, 200)).join(' | ')}`)
  })
  if (found.length > 0) throw new Error(`${name}: ${found.join('\n')}`)
}
