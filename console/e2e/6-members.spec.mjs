// Programs and issuers: a key is seen once, is rotated, and what was made is edited and deleted, in both languages.
import assert from 'node:assert/strict'
import { caller, confirm, field, id, owner, row, run, settled, signIn } from './steps.mjs'

const issuer = (locale) => `https://127.0.0.1:1/${run}/${locale}/`
const words = {
  'zh-CN': { clients: '接入程序', issuers: '登录来源', unreachable: /无法读取/ },
  'en-US': { clients: 'Programs', issuers: 'Issuers', unreachable: /could not be read/ },
}

async function visit(visitor, locale) {
  const page = await visitor({ locale })
  await page.addInitScript((choice) => localStorage.setItem('tenon.preferences', JSON.stringify(choice)), { theme: 'system', locale })
  await signIn(page, owner)
  return page
}

/** Types into a list of tags; Enter ends one. */
async function tag(page, name, ...values) {
  for (const value of values) {
    await page.fill(field(name), value)
    await page.press(field(name), 'Enter')
  }
}

/** The key of the dialog that shows it, which nothing but its button closes. */
async function takeKey(page) {
  await page.waitForSelector(id('key-dialog'))
  const key = await page.inputValue(field('new-api-key'))
  const client = await page.inputValue(field('new-client-key'))
  assert.match(key, /^mk_[a-z]+_\w+_[0-9a-f]{6}$/)
  const sample = await page.locator(`${id('key-sample')} pre`).innerText()
  assert.ok(sample.includes(`X-API-Key: ${key}`) && sample.includes(`X-Client-Key: ${client}`), sample)
  await page.keyboard.press('Escape')
  assert.equal(await page.inputValue(field('new-api-key')), key)
  await page.click(id('key-close'))
  await page.locator(id('key-dialog')).waitFor({ state: 'detached' })
  return { key, client }
}

const asks = (url, { key, client }) => fetch(`${url}/admin/permissions`, { headers: { 'X-Client-Key': client, 'X-API-Key': key } })

function program(locale) {
  const name = `Shop ${run} ${locale}`
  const clientKey = `shop-${run}-${locale}`.toLowerCase()
  return async ({ visitor, url }) => {
    const page = await visit(visitor, locale)
    await page.goto('/members/programs')
    await settled(page)
    assert.equal(await page.locator('h1').innerText(), words[locale].clients)

    await page.locator(id('create')).first().click()
    await page.fill(field('client-name'), name)
    await page.fill(field('client-key'), 'a b')
    assert.ok(await page.locator(id('save')).isDisabled(), 'a client key that cannot be')
    await page.fill(field('client-key'), clientKey)
    await page.locator(id('scope-permissions:read')).click()
    await page.locator(id('scope-permissions:write')).click()
    await tag(page, 'client-may-grant', 'Not a module')
    assert.ok(await page.locator(id('save')).isDisabled(), 'a module that cannot be')
    for (let n = 0; n < 3; n += 1) await page.press(field('client-may-grant'), 'Backspace')
    await tag(page, 'client-may-grant', 'orders', 'stock:read')
    await page.locator(id('client-ips-only')).click()
    await tag(page, 'client-ips', '127.0.0.0/8', '::1')
    await page.click(id('save'))
    const made = await takeKey(page)
    assert.equal(made.client, clientKey)
    assert.equal((await asks(url, made)).status, 200)

    // It is nowhere any more: neither on the page nor in what the page asks for.
    const one = row(page, clientKey)
    await one.waitFor()
    assert.ok(!(await page.content()).includes(made.key))
    await page.reload()
    await one.waitFor()
    assert.ok(!(await page.content()).includes(made.key))
    assert.equal(await one.locator(id('row-prefix')).innerText(), `${made.key.slice(0, 12)}…`)
    assert.match(await one.innerText(), /permissions:write[^]*orders[^]*stock:read/)

    // For a day both keys are good.
    await one.locator(id('rotate')).click()
    await page.click(id('rotate-24'))
    await page.click(id('rotate-submit'))
    const next = await takeKey(page)
    assert.notEqual(next.key, made.key)
    await one.locator(id('row-overlap')).waitFor()
    assert.deepEqual([(await asks(url, made)).status, (await asks(url, next)).status], [200, 200])
    await one.locator(id('rotate')).click()
    await page.click(id('rotate-0'))
    await page.click(id('rotate-submit'))
    const last = await takeKey(page)
    await one.locator(id('row-overlap')).waitFor({ state: 'detached' })
    assert.deepEqual([(await asks(url, made)).status, (await asks(url, last)).status], [401, 200])

    await one.locator(id('edit')).click()
    assert.equal(await page.locator(field('client-key')).count(), 0, 'the client key is fixed')
    await page.fill(field('client-name'), `${name} II`)
    await page.locator(id('scope-permissions:read')).click()
    await page.locator(id('client-ips-any')).click()
    await page.click(id('save'))
    await page.locator(id('drawer')).waitFor({ state: 'detached' })
    await row(page, `${name} II`).waitFor()
    assert.equal((await asks(url, last)).status, 403, 'the scope is gone')

    await one.locator(id('row-active')).click()
    await confirm(page)
    await one.locator(`.el-switch:not(.is-checked)`).waitFor()

    await page.fill(field('search'), clientKey)
    await page.waitForURL(/search=/)
    assert.equal(await page.locator(id('row')).count(), 1)
    await one.locator(id('delete')).click()
    await confirm(page)
    await one.waitFor({ state: 'detached' })
    assert.equal((await asks(url, last)).status, 401)
  }
}

function source(locale) {
  return async ({ visitor, allow }) => {
    // Nobody answers there.
    allow(/^409 POST \/api\/member-issuers\/.+\/check/, /^409 POST \/api\/member-issuers\/$/)
    const page = await visit(visitor, locale)
    await page.goto('/members/issuers')
    await settled(page)
    assert.equal(await page.locator('h1').innerText(), words[locale].issuers)

    async function fill(name) {
      await page.locator(id('create')).first().click()
      await page.fill(field('issuer-name'), name)
      await page.fill(field('issuer-url'), issuer(locale))
      await tag(page, 'issuer-audiences', 'shop-web')
      await page.click(id('save'))
    }
    const one = page.locator(`[data-issuer="${issuer(locale)}"]`)
    await fill(`Sign-in ${run}`)
    await one.locator(`${id('issuer-keys')}[data-keys="empty"]`).waitFor()

    await one.locator(id('check')).click()
    const result = one.locator(`${id('check-result')}[data-ok="false"]`)
    await result.waitFor({ timeout: 30_000 })
    assert.match(await result.innerText(), words[locale].unreachable)

    // The same one cannot be believed twice: that is told at its field.
    await fill('Again')
    await page.locator(`${id('drawer')} .el-form-item.is-error ${field('issuer-url')}`).waitFor()
    await page.keyboard.press('Escape')
    await confirm(page)
    await page.locator(id('drawer')).waitFor({ state: 'detached' })

    await one.locator(id('edit')).click()
    assert.ok(!(await page.locator(field('issuer-url')).isEditable()), 'the issuer is fixed')
    await tag(page, 'issuer-audiences', 'shop-app')
    await page.locator(id('issuer-require-azp')).click()
    await page.locator(id('algorithm-EdDSA')).click()
    await page.click(id('save'))
    await page.locator(id('drawer')).waitFor({ state: 'detached' })
    await one.getByText('shop-app', { exact: true }).waitFor()
    await one.getByText('EdDSA', { exact: true }).waitFor()

    await one.locator(id('delete')).click()
    await confirm(page)
    await one.waitFor({ state: 'detached' })
  }
}

export default {
  'nobody without the right sees them': async ({ url }) => {
    const api = caller(url)
    for (const path of ['/api/member-clients/', '/api/member-issuers/']) assert.equal((await api('GET', path)).status, 401)
  },
  ...Object.fromEntries(Object.keys(words).flatMap((locale) => [
    [`a program shows its key once, is rotated, changed and deleted (${locale})`, program(locale)],
    [`an issuer is added, checked, changed and deleted (${locale})`, source(locale)],
  ])),
}
