// The way of a new installation: set up, make a role, invite, accept, see just what the role allows.
import assert from 'node:assert/strict'

import { field, guest, id, owner, run, signIn } from './steps.mjs'

export default {
  'set up, or sign in to what is set up': async ({ visitor, url }) => {
    const page = await visitor()
    const { initialized, setup_token_required: needsToken } = await (await fetch(`${url}/api/auth/check-init`)).json()
    if (initialized) return signIn(page, owner)
    await page.goto('/')
    await page.waitForURL('**/setup')
    if (needsToken) await page.fill(field('setup-token'), process.env.SETUP_TOKEN ?? '')
    await page.fill(field('setup-organization'), 'Joinery')
    await page.fill(field('setup-username'), owner.username)
    await page.fill(field('setup-email'), 'owner@example.com')
    await page.fill(field('setup-password'), owner.password)
    await page.fill(field('setup-password-again'), owner.password)
    await page.click(id('setup-submit'))
    await page.waitForSelector(id('home'))
  },

  'a reload keeps the session, a wrong password says so': async ({ visitor, allow }) => {
    allow(/^401 POST \/api\/auth\/login/)
    const page = await visitor()
    await page.goto('/sign-in')
    await page.fill(field('sign-in-username'), owner.username)
    await page.fill(field('sign-in-password'), 'not-the-password')
    await page.click(id('sign-in-submit'))
    await page.waitForSelector(id('form-error'))
    await signIn(page, owner)
    await page.reload()
    await page.waitForSelector(id('home'))
  },

  'a role with one permission': async ({ visitor, shared }) => {
    const page = await visitor()
    await signIn(page, owner)
    await page.goto('/roles')
    await page.click(id('create'))
    shared.role = `Reader ${run}`
    await page.fill(field('role-name'), shared.role)
    await page.fill(field('role-code'), `reader_${run}`)
    await page.click(id('perm-identity:post:list'))
    await page.click(id('save'))
    await page.waitForSelector(`${id('row')}:has-text("${shared.role}")`)
  },

  'an invitation by link': async ({ visitor, shared }) => {
    const page = await visitor()
    await signIn(page, owner)
    await page.goto('/users')
    await page.click(id('invite'))
    await page.fill(field('invite-email'), guest.email)
    await page.click(id('invite-roles'))
    await page.click(id(`invite-roles-${shared.role}`))
    await page.keyboard.press('Escape')
    await page.click(id('invite-submit'))
    shared.link = await page.inputValue(field('invite-link'))
    assert.match(shared.link, /\/accept-invitation\?token=/)
  },

  'the guest accepts and sees only what the role allows': async ({ visitor, shared }) => {
    const page = await visitor()
    const { pathname, search } = new URL(shared.link)
    await page.goto(pathname + search)
    await page.fill(field('accept-username'), guest.username)
    await page.fill(field('accept-password'), guest.password)
    await page.fill(field('accept-password-again'), guest.password)
    await page.click(id('accept-submit'))
    await page.waitForSelector(id('home'))
    await page.waitForSelector(id('menu-/posts'))
    assert.equal(await page.locator(id('menu-/users')).count(), 0)
    await page.goto('/posts')
    await page.waitForSelector(id('total') + ', ' + id('empty-state'))
    assert.equal(await page.locator(id('create')).count(), 0)
    await page.goto('/users')
    await page.waitForSelector(id('forbidden-state'))
  },

  'the audit log shows each step with its actor': async ({ visitor, shared }) => {
    const page = await visitor()
    await signIn(page, owner)
    await page.goto('/audit')
    const steps = [
      [owner.username, 'identity:organization:create', 'Joinery'],
      [owner.username, 'identity:role:create', shared.role],
      [owner.username, 'identity:invitation:create', guest.email],
      [guest.username, 'identity:invitation:accept', guest.email],
    ]
    for (const [actor, action, target] of steps) {
      const row = page.locator(id('row'), { has: page.locator(`${id('audit-action')}[title="${action}"]`) }).filter({ hasText: target })
      await row.first().waitFor()
      assert.match(await row.first().innerText(), new RegExp(`\\b${actor}\\b`), `${action} names its actor`)
    }
    const row = page.locator(id('row'), { hasText: shared.role })
    await row.first().locator('.open').click()
    await page.waitForSelector(id('audit-diff'))
  },

  'a role taken away is effective on the very next request': async ({ visitor, shared }) => {
    const [admin, other] = [await visitor(), await visitor()]
    await signIn(other, guest)
    await other.goto('/posts')
    await other.waitForSelector(id('total') + ', ' + id('empty-state'))
    await signIn(admin, owner)
    const taken = await admin.evaluate(async (name) => {
      const token = await (await fetch('/api/auth/token/refresh', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' })).json()
      const headers = { authorization: `Bearer ${token.access_token}`, 'content-type': 'application/json' }
      const { items } = await (await fetch(`/api/roles/?name=${encodeURIComponent(name)}`, { headers })).json()
      const answer = await fetch(`/api/roles/${items[0].id}/`, { method: 'PATCH', headers, body: JSON.stringify({ permissions: [] }) })
      return answer.status
    }, shared.role)
    assert.equal(taken, 200)
    await other.goto('/posts')
    await other.waitForSelector(id('forbidden-state'))
  },

  'signing out ends it, here and in the other tab': async ({ visitor, allow }) => {
    allow(/^401 POST \/api\/auth\/token\/refresh/)
    const page = await visitor()
    await signIn(page, owner)
    const other = await page.context().newPage()
    await other.goto('/posts')
    await other.waitForSelector(id('user-menu'))
    await page.click(id('user-menu'))
    await page.click(id('sign-out'))
    await page.waitForURL(/\/sign-in/)
    await other.waitForURL(/\/sign-in/)
    await page.goto('/users')
    await page.waitForURL(/\/sign-in\?next=/)
  },
}
