// What the administrators of the installation do: accounts, organisations, mail, and the states around it.
import assert from 'node:assert/strict'
import { startServer } from './server.mjs'
import { caller, confirm, field, id, joined, owner, row, run, settled, signIn, tokenOf } from './steps.mjs'

const words = (page, text) => page.fill(`input${id('search')}`, text)
const segment = (page, name, text) => page.locator(id(name)).getByText(text, { exact: true }).click()

async function account(page, person) {
  await page.goto(`/platform/users?search=${person.username}`)
  await row(page, person.username).locator('.open').click()
  await page.waitForSelector(id('account-drawer'))
}

export default {
  'an account is disabled, which ends its session, and enabled again': async ({ visitor, url, allow }) => {
    allow(/^401 /)
    const [page, other] = [await visitor(), await visitor()]
    const person = await joined(url, 'mason')
    await signIn(other, person)
    await signIn(page, owner)
    await page.goto('/platform/users')
    await words(page, person.username)
    await page.waitForURL(/search=/)
    await row(page, person.username).locator(id('disable')).click()
    await confirm(page)
    await row(page, person.username).locator(id('enable')).waitFor()
    await other.goto('/posts')
    await other.waitForURL(/\/sign-in/)
    await segment(page, 'account-state', 'Active')
    await page.waitForSelector(id('empty-state'))
    await segment(page, 'account-state', 'Disabled')
    await row(page, person.username).locator(id('enable')).click()
    await row(page, person.username).waitFor({ state: 'detached' })
    await signIn(other, person)
  },

  'name and address of an account are changed, a taken address stays with its owner': async ({ visitor, url, allow }) => {
    allow(/^409 PATCH \/api\/platform\/users\//)
    const page = await visitor()
    const person = await joined(url, 'smith')
    await signIn(page, owner)
    await account(page, person)
    await page.fill(field('account-name'), 'Sam Smith')
    await page.fill(field('account-email'), 'owner@example.com')
    await page.click(id('account-save'))
    await page.locator(`${id('account-drawer')} .el-form-item__error`).waitFor()
    await page.fill(field('account-email'), `sam_${run}@example.com`)
    await page.click(id('account-save'))
    await row(page, 'Sam Smith').waitFor()
    assert.match(await row(page, 'Sam Smith').innerText(), new RegExp(`sam_${run}@example.com`))
  },

  'the platform is given to somebody and taken again; the last administrator stays': async ({ visitor, url, allow }) => {
    allow(/^409 PATCH \/api\/platform\/users\//)
    const [page, other] = [await visitor(), await visitor()]
    const person = await joined(url, 'warden')
    await signIn(page, owner)
    await account(page, person)
    await page.click(id('promote'))
    await confirm(page)
    await page.waitForSelector(id('demote'))
    await signIn(other, person)
    await other.click(id('menu-/platform/users'))
    await row(other, owner.username).waitFor()
    await page.click(id('demote'))
    await confirm(page)
    await page.waitForSelector(id('promote'))
    await other.goto('/platform/users')
    await other.waitForSelector(id('forbidden-state'))
    await account(page, owner)
    await page.click(id('demote'))
    await confirm(page)
    await page.locator('.el-message--error').waitFor()
    await page.waitForSelector(id('demote'))
  },

  'an account is anonymised once its name has been typed': async ({ visitor, url }) => {
    const page = await visitor()
    const person = await joined(url, 'thatcher')
    await signIn(page, owner)
    await account(page, person)
    await page.click(id('anonymize'))
    await page.fill(field('typed-confirm'), 'somebody else')
    assert.ok(await page.locator(id('typed-confirm-submit')).isDisabled())
    await page.fill(field('typed-confirm'), person.username)
    await page.click(id('typed-confirm-submit'))
    await page.locator('.el-message--success').waitFor()
    await page.goto(`/platform/users?search=${person.username}`)
    await page.waitForSelector(id('empty-state'))
    await page.goto('/platform/users?search=deleted-')
    await row(page, 'deleted-').locator('.open').click()
    await page.waitForSelector(id('account-drawer'))
    assert.equal(await page.locator(id('account-save')).count(), 0, 'it cannot be changed any more')
  },

  'an organisation is founded, found in the list, and left for the other': async ({ visitor }) => {
    const page = await visitor()
    await signIn(page, owner)
    const home = await page.locator(id('organization-switcher')).innerText()
    await page.goto('/platform/organizations')
    await page.click(id('found'))
    await page.fill(field('found-name'), `Guild ${run}`)
    await page.click(id('found-submit'))
    await page.locator(id('organization-switcher'), { hasText: `Guild ${run}` }).waitFor()
    await page.goto('/platform/organizations')
    await words(page, `guild ${run}`)
    await page.waitForURL(/search=/)
    // The list from before the search has that row, too.
    await page.waitForFunction((rows) => document.querySelectorAll(rows).length === 1, id('row'))
    await row(page, `Guild ${run}`).waitFor()
    await segment(page, 'organization-state', 'To be deleted')
    await page.waitForSelector(id('empty-state'))
    await page.goto('/platform/organizations')
    await row(page, home.split('\n').at(-1)).locator(id('enter')).click()
    await page.locator(id('organization-switcher'), { hasText: home.split('\n').at(-1) }).waitFor()
  },

  'without a mail server the test mail says that it stays here': async ({ visitor }) => {
    const page = await visitor()
    await signIn(page, owner)
    await page.goto('/platform/system')
    await page.waitForSelector(id('mail-off'))
    await page.click(id('test-mail'))
    assert.match(await page.locator(id('mail-result')).innerText(), /owner@example\.com.*not sent/)
    await page.locator(id('health-card')).getByText('Serving').waitFor()
  },

  'a mail server that does not answer is told with its reason': async ({ visitor, allow }) => {
    allow(/^503 POST .*\/api\/auth\/test-mail/)
    // Nothing listens on the port of "discard".
    const server = await startServer({ SMTP_HOST: '127.0.0.1', SMTP_PORT: '9', SMTP_TLS: 'none', LOG_LEVEL: 'off' })
    try {
      await caller(server.url)('POST', '/api/auth/init-user', { username: owner.username, password: owner.password, email: 'owner@example.com', locale: 'en-US' })
      const page = await visitor({ baseURL: server.url })
      await signIn(page, owner)
      await page.goto('/platform/system')
      await settled(page)
      assert.equal(await page.locator(id('mail-off')).count(), 0)
      await page.click(id('test-mail'))
      const told = await page.locator(id('mail-failure')).innerText()
      assert.match(told, /127\.0\.0\.1/)
      assert.match(told, /mail_unavailable/)
    } finally {
      await server.stop()
    }
  },

  'a route is found by the permission that it needs': async ({ visitor }) => {
    const page = await visitor()
    await signIn(page, owner)
    await page.goto('/api-routes')
    await page.fill(`input${id('route-search')}`, 'patch platform:user:update')
    await page.locator(id('route-row'), { hasText: '/api/platform/users/' }).waitFor()
    assert.equal(await page.locator(id('route-row')).count(), 1)
  },

  'whoever may not is told so, on each of these pages': async ({ visitor, url }) => {
    const page = await visitor()
    const person = await joined(url, 'stranger')
    await signIn(page, person)
    for (const path of ['/platform/users', '/platform/organizations', '/platform/system', '/api-keys']) {
      await page.goto(path)
      await page.waitForSelector(id('forbidden-state'))
      assert.equal(await page.locator(id(`menu-${path}`)).count(), 0, `${path} is not in the menu`)
    }
  },

  'a list that cannot be fetched says so and recovers': async ({ visitor, allow }) => {
    allow(/^net::ERR_INTERNET_DISCONNECTED /)
    const page = await visitor()
    await signIn(page, owner)
    await page.click(id('menu-/platform/users'))
    await row(page, owner.username).waitFor()
    await page.context().setOffline(true)
    await words(page, owner.username)
    await page.waitForSelector(id('error-state'))
    await page.context().setOffline(false)
    await page.locator(`${id('error-state')} button`).click()
    await row(page, owner.username).waitFor()
  },

  'a member’s key is seen and revoked by an administrator': async ({ visitor, url }) => {
    const person = await joined(url, 'clerk')
    const made = await caller(url, await tokenOf(url, person))('POST', '/api/auth/api-keys/', { name: `Ledger ${run}` })
    assert.equal(made.status, 201)
    const call = () => fetch(`${url}/api/auth/user/info/`, { headers: { 'x-api-key': made.body.key } }).then((answer) => answer.status)
    assert.equal(await call(), 200)
    const page = await visitor()
    await signIn(page, owner)
    await page.goto('/api-keys')
    const key = row(page, `Ledger ${run}`)
    assert.match(await key.innerText(), new RegExp(person.username))
    assert.equal(await key.locator(id('rotate-key')).count(), 0, 'only its owner gives it a new secret')
    await key.locator('.open').click()
    assert.match(await page.locator(id('key-drawer')).innerText(), /tnk_/)
    await page.keyboard.press('Escape')
    await page.locator(id('key-drawer')).waitFor({ state: 'detached' })
    await key.locator(id('revoke-key')).click()
    await confirm(page)
    await key.waitFor({ state: 'detached' })
    assert.equal(await call(), 401)
  },

  'a key with chosen permissions does just those, and rotates': async ({ visitor, url }) => {
    const page = await visitor()
    await signIn(page, owner)
    await page.goto('/api-keys')
    await settled(page)
    await page.locator(id('create-key')).first().click()
    await page.fill(field('key-name'), `Reader ${run}`)
    await page.click(id('key-limited'))
    await page.click(id('perm-identity:post:list'))
    await page.click(id('key-submit'))
    const secret = page.locator(`input${id('new-key')}`)
    await secret.waitFor()
    const first = await secret.inputValue()
    // A slip of the finger must not lose what is never shown again.
    await page.keyboard.press('Escape')
    assert.ok(await secret.isVisible())
    await page.click(id('secret-close'))
    const call = (key, path) => fetch(url + path, { headers: { 'x-api-key': key } }).then((answer) => answer.status)
    assert.deepEqual([await call(first, '/api/posts/'), await call(first, '/api/users/')], [200, 403])
    const key = row(page, `Reader ${run}`)
    await key.locator('.open').click()
    assert.match(await page.locator(id('key-drawer')).innerText(), /identity:post:list/)
    await page.keyboard.press('Escape')
    await page.locator(id('key-drawer')).waitFor({ state: 'detached' })
    await key.locator(id('rotate-key')).click()
    await confirm(page)
    await secret.waitFor()
    const second = await secret.inputValue()
    await page.click(id('secret-close'))
    assert.notEqual(second, first)
    assert.deepEqual([await call(first, '/api/posts/'), await call(second, '/api/posts/')], [401, 200])
  },
}
