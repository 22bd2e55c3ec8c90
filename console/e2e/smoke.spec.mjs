// The way of a new installation: set up, make a role, invite, accept, see just what the role allows.
import assert from 'node:assert/strict'

const field = (name) => `input[data-testid="${name}"]`
const id = (name) => `[data-testid="${name}"]`
const run = Date.now().toString(36)
const owner = { username: process.env.E2E_USERNAME ?? 'owner', password: process.env.E2E_PASSWORD ?? 'tongue-and-mortise-71' }
const guest = { username: `guest_${run}`, password: `dovetail-and-${run}-peg`, email: `guest_${run}@example.com` }

async function signIn(page, person) {
  await page.goto('/sign-in')
  await page.fill(field('sign-in-username'), person.username)
  await page.fill(field('sign-in-password'), person.password)
  await page.click(id('sign-in-submit'))
  await page.waitForSelector(id('home'))
}

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

  'a reload keeps the session, a wrong password says so': async ({ visitor }) => {
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

  'the audit log tells it': async ({ visitor, shared }) => {
    const page = await visitor()
    await signIn(page, owner)
    await page.goto('/audit')
    await page.waitForSelector(`${id('row')}:has-text("${shared.role}")`)
  },

  'signing out ends it, here and in the other tab': async ({ visitor }) => {
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
