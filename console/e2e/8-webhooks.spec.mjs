// Webhooks from end to end: an endpoint to a receiver that runs here, messages that verify, redelivery, rotation and
// replay; the sealed trail; the calls of a program. In both languages, and without serious faults for those who use
// other means than eyes and a mouse.
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { accessible, caller, confirm, field, id, joined, owner, row, run, settled, signIn, tokenOf } from './steps.mjs'

const words = {
  'zh-CN': { endpoints: '接收端点', deliveries: '投递记录', sound: '审计记录完好', seal: '封存链', calls: /的调用$/ },
  'en-US': { endpoints: 'Endpoints', deliveries: 'Deliveries', sound: 'The trail is sound', seal: 'Sealed trail', calls: /^Calls of/ },
}

/** Somebody who is told: what came, byte by byte, and what it was answered. */
async function receiver() {
  const came = []
  const self = { came, status: 200, text: '{"received":true}' }
  const server = createServer((request, response) => {
    const parts = []
    request.on('data', (part) => parts.push(part))
    request.on('end', () => {
      const { status, text } = self
      came.push({ method: request.method, headers: request.headers, body: Buffer.concat(parts), status })
      response.writeHead(status, { 'content-type': 'application/json' }).end(text)
    })
  })
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready))
  // A test that fails leaves it behind; that shall not keep the run from ending.
  server.unref()
  self.url = `http://127.0.0.1:${server.address().port}/hooks?from=tenon`
  self.close = () => new Promise((done) => { server.closeAllConnections(); server.close(done) })
  /** The `n`-th message, once it is here. */
  self.nth = async (n, within = 20_000) => {
    for (const end = Date.now() + within; came.length < n;) {
      assert.ok(Date.now() < end, `message ${n} did not come; ${came.length} did`)
      await new Promise((done) => setTimeout(done, 50))
    }
    return came[n - 1]
  }
  /** The first message of a type, once it is here. */
  self.of = async (type, within = 20_000) => {
    const find = () => came.find((message) => JSON.parse(message.body.toString()).type === type)
    for (const end = Date.now() + within; !find();) {
      assert.ok(Date.now() < end, `no ${type} came`)
      await new Promise((done) => setTimeout(done, 50))
    }
    return find()
  }
  return self
}

const signatureOf = (secret, { headers, body }) =>
  `v1,${createHmac('sha256', Buffer.from(secret.replace(/^whsec_/, ''), 'base64')).update(`${headers['webhook-id']}.${headers['webhook-timestamp']}.`).update(body).digest('base64')}`
const signatures = ({ headers }) => headers['webhook-signature'].split(' ')
const signed = (secret, message) => signatures(message).includes(signatureOf(secret, message))

async function visit(visitor, locale, more = {}) {
  const page = await visitor({ locale, permissions: ['clipboard-read', 'clipboard-write'], ...more })
  await page.addInitScript((choice) => localStorage.setItem('tenon.preferences', JSON.stringify(choice)), { theme: 'system', locale })
  await signIn(page, owner)
  return page
}

/** A picture in both themes; nothing is wider than the window, and nothing keeps people out. */
async function look(page, out, name, locale) {
  // What was said in passing has gone.
  await page.waitForFunction(() => !document.querySelector('.el-message'))
  for (const theme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme: theme })
    // Fades must have ended: half-transparent letters have no contrast.
    await page.waitForTimeout(400)
    await page.screenshot({ path: join(out, `webhooks-${name}-${locale}-${theme}.png`) })
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), `${name}: wider than the window`)
    await accessible(page, `${name}, ${theme}`)
  }
  await page.emulateMedia({ colorScheme: 'light' })
}

/** The secret of the dialog that shows it, which nothing but its button closes. */
async function takeSecret(page) {
  await page.waitForSelector(id('secret-dialog'))
  const secret = await page.inputValue(field('new-secret'))
  assert.match(secret, /^whsec_[A-Za-z0-9+/]{32,}=*$/)
  await page.keyboard.press('Escape')
  assert.equal(await page.inputValue(field('new-secret')), secret)
  const sample = await page.locator(`${id('secret-dialog')} ${id('verify-samples')} pre`).innerText()
  assert.ok(sample.includes('webhook-signature') && !sample.includes(secret.slice(6)), 'the sample verifies, and does not hold the secret')
  return secret
}

async function closeSecret(page, secret) {
  await page.click(id('secret-close'))
  await page.locator(id('secret-dialog')).waitFor({ state: 'detached' })
  assert.ok(!(await page.content()).includes(secret), 'the secret is nowhere any more')
}

/** A ping by the button of the page, to its end. */
async function ping(page, state) {
  await page.locator(id('ping')).first().click()
  await page.locator(`${id('ping-dialog')} ${id('delivery-outcome')}[data-state="${state}"]`).waitFor({ timeout: 20_000 })
}

async function closePing(page) {
  await page.click(id('ping-close'))
  await page.locator(id('ping-dialog')).waitFor({ state: 'detached' })
}

function endpoint(locale) {
  return async ({ visitor, url, out }) => {
    const hears = await receiver()
    const name = `Shop ${run} ${locale}`
    const page = await visit(visitor, locale)
    await page.goto('/webhooks/endpoints')
    await settled(page)
    assert.equal(await page.locator('h1').innerText(), words[locale].endpoints)
    await look(page, out, 'endpoints-before', locale)

    // What cannot be is told before it is sent.
    await page.locator(id('create')).first().click()
    await page.fill(field('endpoint-name'), name)
    await page.fill(field('endpoint-url'), 'shop.example.com')
    await page.click(id('save'))
    await page.locator(`${id('drawer')} .el-form-item.is-error ${field('endpoint-url')}`).waitFor()
    await page.fill(field('endpoint-url'), hears.url)
    await page.click(id('events-only'))
    await page.click(id('save'))
    await page.locator(`${id('drawer')} .el-form-item.is-error`).waitFor()
    await page.click(id('event-user.created'))
    await look(page, out, 'new-endpoint', locale)
    await page.click(id('events-all'))
    await page.click(id('save'))
    const first = await takeSecret(page)
    await look(page, out, 'secret', locale)
    await closeSecret(page, first)
    await page.waitForSelector(id('endpoint-page'))

    // A ping arrives, verifies, and is shown to its end.
    await ping(page, 'delivered')
    const one = await hears.nth(1)
    assert.ok(signed(first, one), 'the ping is signed with the secret')
    assert.ok(!signed(`whsec_${Buffer.from('another secret').toString('base64')}`, one))
    assert.ok(Math.abs(Date.now() / 1000 - Number(one.headers['webhook-timestamp'])) < 60)
    const told = JSON.parse(one.body.toString())
    assert.deepEqual([told.id, told.type], [one.headers['webhook-id'], 'ping'])
    await look(page, out, 'ping', locale)

    // The delivery: what was sent, and what was answered.
    await page.click(id('ping-open'))
    await page.waitForSelector(id('delivery-page'))
    const delivery = page.url()
    assert.equal(await page.locator(id('message-id')).innerText(), one.headers['webhook-id'])
    assert.match(await page.locator(id('try')).first().innerText(), /HTTP 200/)
    assert.ok((await page.locator(`${id('delivery-tries')} pre`).innerText()).includes(hears.text))
    await page.click(id('as-sent'))
    assert.equal(await page.locator(`${id('delivery-body')} pre`).innerText(), one.body.toString(), 'byte by byte')

    // Redelivered: the same message, and the page follows by itself.
    await page.click(id('redeliver'))
    const two = await hears.nth(2)
    assert.equal(two.headers['webhook-id'], one.headers['webhook-id'])
    assert.deepEqual(two.body, one.body)
    assert.ok(signed(first, two))
    await page.locator(id('try')).nth(1).waitFor()
    await page.locator(`${id('delivery-outcome')}[data-state="delivered"]`).waitFor()
    await look(page, out, 'delivery', locale)

    // What happens in the organisation is told as well.
    const peer = await joined(url, `peer_${locale.slice(0, 2)}`)
    const joins = await hears.of('user.created')
    assert.ok(signed(first, joins))
    const { data } = JSON.parse(joins.body.toString())
    assert.ok(typeof data.authentik_sub === 'string' && data.authentik_sub.length > 0, `${peer.username}: ${JSON.stringify(data)}`)
    // Nothing else is on its way before the next count.
    await new Promise((done) => setTimeout(done, 1500))

    // A receiver that fails is asked again, which is seen without a reload.
    await page.locator(`${id('delivery-page')} a[href*="/webhooks/endpoints/"]`).click()
    await page.waitForSelector(id('endpoint-page'))
    const home = page.url()
    const sofar = hears.came.length
    Object.assign(hears, { status: 503, text: '{"error":"starting"}' })
    await ping(page, 'pending')
    await page.locator(`${id('ping-dialog')} pre`, { hasText: 'starting' }).waitFor({ timeout: 20_000 })
    await look(page, out, 'ping-fails', locale)
    Object.assign(hears, { status: 200, text: '{"received":true}' })
    await page.locator(`${id('delivery-outcome')}[data-state="delivered"]`).waitFor({ timeout: 40_000 })
    await closePing(page)
    const after = hears.came.length
    assert.ok(after >= sofar + 2)
    assert.equal(hears.came[after - 1].headers['webhook-id'], hears.came[sofar].headers['webhook-id'])

    // For a day both secrets sign; then the older one ends at once.
    await page.click(id('rotate'))
    await look(page, out, 'rotate', locale)
    await page.click(id('rotate-24'))
    await page.click(id('rotate-submit'))
    const second = await takeSecret(page)
    assert.notEqual(second, first)
    await closeSecret(page, second)
    assert.equal(await page.locator(`${id('endpoint-secrets')} li`).count(), 2)
    await ping(page, 'delivered')
    await closePing(page)
    const both = await hears.nth(after + 1)
    assert.deepEqual(signatures(both), [signatureOf(second, both), signatureOf(first, both)], 'the newest signs first')
    await page.click(id('rotate'))
    await page.click(id('rotate-0'))
    await page.click(id('rotate-submit'))
    const third = await takeSecret(page)
    await closeSecret(page, third)
    await ping(page, 'delivered')
    await closePing(page)
    const last = await hears.nth(after + 2)
    assert.ok(signed(third, last) && !signed(second, last), 'the one before signs no more')
    await look(page, out, 'endpoint', locale)

    // What is done by hand is undone by hand.
    await page.click(id('edit'))
    await page.locator(id('endpoint-enabled')).click()
    await page.click(id('save'))
    await page.waitForSelector(id('endpoint-disabled'))
    assert.equal(await page.locator(id('ping')).count(), 0)
    await look(page, out, 'disabled', locale)
    await page.click(id('enable'))
    await page.locator(id('endpoint-disabled')).waitFor({ state: 'detached' })

    // All of the last hour once more, under the ids that it had.
    const before = hears.came.length
    const known = new Set(hears.came.map((message) => message.headers['webhook-id']))
    await page.click(id('replay'))
    await page.click(id('replay-1'))
    await page.click(id('replay-all'))
    await look(page, out, 'replay', locale)
    await page.click(id('replay-submit'))
    await page.waitForSelector(id('replay-answer'))
    // Those that another endpoint was told before this one was made may come as well.
    const again = () => new Set(hears.came.slice(before).map((message) => message.headers['webhook-id']))
    for (const end = Date.now() + 40_000; ![...known].every((one) => again().has(one));) {
      assert.ok(Date.now() < end, `of ${known.size} messages ${again().size} came again`)
      await new Promise((done) => setTimeout(done, 100))
    }
    for (const message of hears.came.slice(before)) assert.ok(signed(third, message))

    // The list of all deliveries, narrowed, and redelivered from its row.
    await page.goto('/webhooks/deliveries')
    await settled(page)
    assert.equal(await page.locator('h1').innerText(), words[locale].deliveries)
    await page.click(id('state-delivered'))
    await page.waitForURL(/state=delivered/)
    await row(page, name).waitFor()
    const count = hears.came.length
    await row(page, name).locator(id('redeliver')).click()
    await hears.nth(count + 1)
    await page.click(id('state-held'))
    await page.waitForSelector(id('empty-state'))
    await page.click(id('state-all'))
    await row(page, name).waitFor()
    await look(page, out, 'deliveries', locale)

    // A phone.
    await page.setViewportSize({ width: 390, height: 844 })
    for (const [part, path] of [['endpoints', '/webhooks/endpoints'], ['endpoint', home], ['deliveries', '/webhooks/deliveries'], ['delivery', delivery]]) {
      await page.goto(path)
      await settled(page)
      await look(page, out, `${part}-phone`, locale)
    }
    await page.setViewportSize({ width: 1280, height: 860 })

    await page.goto('/webhooks/endpoints')
    await look(page, out, 'endpoints', locale)
    await row(page, name).locator(id('delete')).click()
    await confirm(page)
    await row(page, name).waitFor({ state: 'detached' })
    const { status, body } = await caller(url, await tokenOf(url, owner))('GET', `/api/webhook-endpoints/?search=${encodeURIComponent(name)}`)
    assert.deepEqual([status, body.total], [200, 0])
    await hears.close()
  }
}

/** Somebody without the right, a server that cannot answer, and its return. */
async function states({ visitor, url, allow }) {
  allow(/^503 GET \/api\/webhook-endpoints/)
  const stranger = await visitor()
  await signIn(stranger, await joined(url, 'bystander'))
  for (const path of ['/webhooks/endpoints', '/webhooks/deliveries', '/webhooks/endpoints/0190b7a0-0000-7000-8000-000000000000', '/members/programs/0190b7a0-0000-7000-8000-000000000000/calls']) {
    await stranger.goto(path)
    await stranger.waitForSelector(id('forbidden-state'))
  }
  const page = await visit(visitor, 'en-US')
  const problem = { status: 503, contentType: 'application/problem+json', body: JSON.stringify({ code: 'database_busy', status: 503 }) }
  await page.route('**/api/webhook-endpoints/**', (route) => route.fulfill(problem))
  await page.goto('/webhooks/endpoints')
  await page.waitForSelector(id('error-state'), { timeout: 30_000 })
  await page.unroute('**/api/webhook-endpoints/**')
  await page.locator(`${id('error-state')} button`).click()
  await page.locator(`${id('empty-state')}, ${id('row')}`).first().waitFor()
}

function trail(locale) {
  return async ({ visitor, out }) => {
    const page = await visit(visitor, locale)
    await page.goto('/audit')
    await settled(page)
    const panel = page.locator(id('seal-panel'))
    assert.equal(await panel.locator('h2').innerText(), words[locale].seal)
    // A worker seals what was written, within seconds.
    await page.waitForFunction(() => /[1-9]/.test(document.querySelector('[data-testid="seal-sealed"]')?.textContent ?? ''), null, { timeout: 60_000 })
    await page.click(id('seal-verify'))
    const verdict = page.locator(`${id('seal-verdict')}[data-sound="true"]`)
    await verdict.waitFor({ timeout: 30_000 })
    assert.ok((await verdict.innerText()).includes(words[locale].sound))
    await page.locator(`${id('seal-panel')}[data-state="sound"]`).waitFor()
    await look(page, out, 'seal', locale)
    const head = await page.locator(id('seal-head')).getAttribute('title')
    assert.match(head, /^[0-9a-f]{64}$/)

    // A seal that was noted down is part of it; one that never was is missed, in words.
    await page.click(id('seal-days'))
    await page.locator(id('seal-day')).first().waitFor()
    await page.fill(field('seal-expected'), 'not a seal')
    assert.ok(await page.locator(id('seal-verify-these')).isDisabled())
    await look(page, out, 'seal-days', locale)
    await page.fill(field('seal-expected'), head)
    await page.click(id('seal-verify-these'))
    await page.locator(id('seal-drawer')).waitFor({ state: 'detached' })
    await verdict.waitFor()
    await page.click(id('seal-days'))
    await page.fill(field('seal-expected'), '0123456789abcdef'.repeat(4))
    await page.click(id('seal-verify-these'))
    await page.locator(`${id('seal-verdict')}[data-sound="false"] ${id('seal-break')}[data-kind="head_missing"]`).waitFor({ timeout: 30_000 })
    await page.locator(`${id('seal-panel')}[data-state="broken"]`).waitFor()
    await look(page, out, 'seal-broken', locale)
    await page.setViewportSize({ width: 390, height: 844 })
    await look(page, out, 'seal-phone', locale)
    await page.setViewportSize({ width: 1280, height: 860 })

    // The looks stand in the trail themselves, the newest first; the next whole one is sound again.
    await page.reload()
    await page.locator(`${id('seal-panel')}[data-state="broken"]`).waitFor()
    await page.click(id('seal-verify'))
    await page.locator(`${id('seal-panel')}[data-state="sound"]`).waitFor({ timeout: 30_000 })
  }
}

function calls(locale) {
  return async ({ visitor, url, out }) => {
    const api = caller(url, await tokenOf(url, owner))
    const name = `Back office ${run} ${locale}`
    const { status, body: made } = await api('POST', '/api/member-clients/', { name, scopes: ['permissions:read'] })
    assert.equal(status, 201, JSON.stringify(made))
    const ask = (path) => fetch(url + path, { headers: { 'X-Client-Key': made.client_key, 'X-API-Key': made.api_key } })
    for (let n = 0; n < 6; n += 1) assert.equal((await ask('/admin/permissions')).status, 200)
    assert.equal((await ask('/admin/users')).status, 403)

    const page = await visit(visitor, locale)
    await page.goto('/members/programs')
    await settled(page)
    await row(page, name).locator(id('calls')).click()
    await page.waitForSelector(id('calls-page'))
    await page.waitForFunction((pattern) => new RegExp(pattern).test(document.querySelector('h1')?.textContent ?? ''), words[locale].calls.source)
    // They are written some seconds late, and the page asks again by itself.
    await page.locator(id('call')).nth(6).waitFor({ timeout: 40_000 })
    assert.equal(await page.locator(id('call')).count(), 7)
    await page.waitForFunction(() => document.querySelector('[data-testid="calls-total"]')?.textContent === '7', null, { timeout: 40_000 })
    await page.click(id('hours-168'))
    await look(page, out, 'calls', locale)
    await page.locator(id('call-status')).getByText('4xx', { exact: true }).click()
    await page.waitForURL(/status=4xx/)
    await page.waitForFunction(() => [...document.querySelectorAll('[data-testid="call"]')].map((one) => one.dataset.status).join() === '403')
    assert.match(await page.locator(id('call')).innerText(), /\/admin\/users/)
    await page.locator(id('call-status')).getByText('5xx', { exact: true }).click()
    await page.waitForSelector(id('empty-state'))
    await page.setViewportSize({ width: 390, height: 844 })
    await page.goto(page.url().replace(/\?.*/, ''))
    await page.locator(id('call')).first().waitFor()
    await look(page, out, 'calls-phone', locale)
    assert.equal((await api('DELETE', `/api/member-clients/${made.id}/`)).status, 204)
  }
}

export default {
  'nobody without a session sees them': async ({ url }) => {
    const api = caller(url)
    for (const path of ['/api/webhook-endpoints/', '/api/webhook-deliveries/', '/api/audit-seals', '/api/member-clients/0190b7a0-0000-7000-8000-000000000000/calls']) assert.equal((await api('GET', path)).status, 401, path)
  },
  'each state of the pages has its words': states,
  ...Object.fromEntries(Object.keys(words).flatMap((locale) => [
    [`an endpoint is made, pinged, rotated, replayed and deleted (${locale})`, endpoint(locale)],
    [`the sealed trail is verified (${locale})`, trail(locale)],
    [`the calls of a program are shown (${locale})`, calls(locale)],
  ])),
}
