// Who holds what: given, seen with its reason, copied, taken away, imported, and all of it when somebody leaves; in both languages.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { accessible, caller, confirm, field, id, joined, owner, row, run, settled, signIn, tokenOf } from './steps.mjs'

const SHOP = `shop_${run}`
const words = {
  'zh-CN': { grants: '授权', who: '谁有权限', access: '成员权限', granted: '直接授予' },
  'en-US': { grants: 'Grants', who: 'Who can', access: 'Member access', granted: 'Granted' },
}

/** The names that the tests give: declared by a program, as a back office would. */
async function catalogue(url) {
  const api = caller(url, await tokenOf(url, owner))
  const made = await api('POST', '/api/member-clients/', { name: `Names ${run}`, scopes: ['catalog:write'], active: true })
  assert.equal(made.status, 201, JSON.stringify(made.body))
  const put = async (kind, name, deprecated = false) => {
    const answer = await fetch(`${url}/admin/permission-catalog/${kind}/${name}`, { method: 'PUT', headers: { 'content-type': 'application/json', 'X-Client-Key': made.body.client_key, 'X-API-Key': made.body.api_key }, body: JSON.stringify({ deprecated }) })
    assert.equal(answer.status, 200, `${kind} ${name}`)
  }
  for (const [kind, name] of [['scope_type', SHOP], ['module', 'orders'], ['module', 'stock'], ['action', 'approve'], ['action', 'read']]) await put(kind, name)
  await put('action', 'shred', true)
}

async function visit(visitor, locale, more = {}) {
  const page = await visitor({ locale, viewport: { width: 1280, height: 860 }, ...more })
  await page.addInitScript((choice) => localStorage.setItem('tenon.preferences', JSON.stringify(choice)), { theme: 'system', locale })
  await signIn(page, owner)
  return page
}

/** What stands there in both themes, at the width of a desk and of a phone, and nothing wider than that. */
async function look(page, out, name) {
  // What fades in has another contrast on its way.
  await page.waitForTimeout(500)
  await accessible(page, name)
  for (const width of [1280, 390]) {
    await page.setViewportSize({ width, height: width === 390 ? 844 : 860 })
    for (const theme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme: theme })
      await page.waitForTimeout(300)
      await page.screenshot({ path: join(out, `${name}-${theme}-${width}.png`) })
    }
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), `${name}: wider than ${width}`)
  }
  await page.emulateMedia({ colorScheme: 'light' })
  await page.setViewportSize({ width: 1280, height: 860 })
  await page.waitForTimeout(200)
}

async function person(page, name, username) {
  await page.fill(`${id(name)} input`, username)
  await page.locator('.el-select-dropdown__item:visible', { hasText: username }).first().click()
}

async function choose(page, name, value) {
  await page.locator(id(name)).click()
  await page.locator(id(`${name}-${value}`)).click()
}

const may = async (url, user, action, scope) => {
  const api = caller(url, await tokenOf(url, owner))
  const { body } = await api('GET', `/api/members/${user}/access?scope_type=${SHOP}`)
  return body.permissions.some((one) => one.action === action && one.scope_id === scope)
}

async function idOf(url, username) {
  const api = caller(url, await tokenOf(url, owner))
  return (await api('GET', `/api/users/?search=${username}`)).body.items[0].id
}

function life(locale) {
  return async ({ visitor, url, out, shared }) => {
    if (!shared.declared) await catalogue(url)
    shared.declared = true
    const tag = locale.slice(0, 2)
    const scope = `7-${tag}`
    const [ann, bob] = [await joined(url, `ann_${tag}`), await joined(url, `bob_${tag}`)]
    const [annId, bobId] = [await idOf(url, ann.username), await idOf(url, bob.username)]
    const reason = `Holiday cover ${run} ${tag}`
    const page = await visit(visitor, locale)
    await page.goto('/members/grants')
    await settled(page)
    assert.equal(await page.locator('h1').innerText(), words[locale].grants)

    // What was typed is not lost by a slip of the hand.
    await page.locator(id('create')).first().click()
    await page.waitForSelector(id('drawer'))
    await person(page, 'grant-user', ann.username)
    await page.press(`textarea${id('grant-reason')}`, 'Escape')
    await page.waitForSelector('.el-message-box')
    await page.click('.el-message-box__btns .el-button:not(.el-button--primary)')
    await page.locator('.el-message-box').waitFor({ state: 'hidden' })
    assert.ok(await page.locator(id('drawer')).isVisible())

    await choose(page, 'grant-scope_type', SHOP)
    await page.fill(field('grant-scope_id'), 'a shop')
    await choose(page, 'grant-module', 'orders')
    await page.locator(id('grant-action')).click()
    assert.match(await page.locator(id('grant-action-shred')).getAttribute('class'), /is-disabled/, 'a deprecated name is given no more')
    await page.locator(id('grant-action-approve')).click()
    assert.ok(await page.locator(id('save')).isDisabled(), 'a scope that cannot be')
    await page.fill(field('grant-scope_id'), scope)
    await page.click(id('grant-days-7'))
    await page.click(id('grant-days-30'))
    await page.fill(`textarea${id('grant-reason')}`, reason)
    await look(page, out, `grant-new-${locale}`)
    await page.click(id('save'))
    await page.locator(id('drawer')).waitFor({ state: 'detached' })
    const given = row(page, ann.username)
    await given.waitFor()
    assert.match(await given.innerText(), new RegExp(`orders:approve[^]*${scope}[^]*${reason}`))
    await look(page, out, `grants-${locale}`)

    // Who can? She, and the chart says how.
    await given.locator('a.what').click()
    await page.waitForURL(/who-can/)
    assert.equal(await page.locator('h1').innerText(), words[locale].who)
    const she = page.locator(`[data-user="${ann.username}"]`)
    await she.locator('[data-origin="grant"]', { hasText: reason }).waitFor()
    assert.equal(await page.locator(id('people')).innerText(), '1')
    const bar = page.locator('[data-share="grant"]')
    assert.match(await bar.innerText(), new RegExp(`${words[locale].granted}\\s*1`))
    await bar.press('Enter')
    assert.equal(await bar.getAttribute('aria-pressed'), 'true')
    await look(page, out, `who-can-${locale}`)

    // Why may she? It says so.
    await she.locator(id('person')).click()
    await page.waitForURL(/members\/access/)
    assert.equal(await page.locator('h1').innerText(), words[locale].access)
    const why = page.locator(`[data-scope="${SHOP} ${scope}"] [data-permission="orders:approve"]`)
    await why.locator(id('origin'), { hasText: reason }).waitFor()
    await page.fill(field('search'), 'nothing like it')
    await why.waitFor({ state: 'detached' })
    await page.fill(field('search'), 'holiday')
    await why.waitFor()
    await look(page, out, `access-${locale}`)

    // The other one gets the same, after a look at what that is.
    await page.goto(`/members/access?user_id=${bobId}`)
    await settled(page)
    await page.click(id('access-copy'))
    await person(page, 'copy-from', ann.username)
    await page.locator(id('copy-added'), { hasText: 'orders:approve' }).waitFor()
    assert.equal(await may(url, bobId, 'approve', scope), false, 'a look gives nothing')
    await look(page, out, `copy-${locale}`)
    await page.click(id('copy-submit'))
    await page.locator(id('copy-drawer')).waitFor({ state: 'detached' })
    await why.waitFor()
    assert.equal(await may(url, bobId, 'approve', scope), true)

    // She loses it: asked first, and then it is gone at once.
    await page.goto(`/members/who-can?scope_type=${SHOP}&scope_id=${scope}&module=orders&action=approve`)
    await she.locator(id('revoke')).click()
    await confirm(page)
    await she.waitFor({ state: 'detached' })
    assert.equal(await may(url, annId, 'approve', scope), false)
    await page.locator(`[data-user="${bob.username}"]`).waitFor()

    // He leaves: what that takes is told, a reason is wanted, his name is typed.
    await page.goto(`/members/access?user_id=${bobId}`)
    await settled(page)
    await page.click(id('access-offboard'))
    const plan = page.locator(id('offboard-plan'))
    await plan.locator('[data-fact="grants"] dd', { hasText: /^1$/ }).waitFor()
    await look(page, out, `offboard-${locale}`)
    await page.fill(field('offboard-name'), await page.locator(`${id('member-access')} h2`).innerText())
    assert.ok(await page.locator(id('offboard-submit')).isDisabled(), 'not without a reason')
    await page.fill(`textarea${id('offboard-reason')}`, 'Contract ended')
    await page.fill(field('offboard-name'), 'somebody else')
    assert.ok(await page.locator(id('offboard-submit')).isDisabled(), 'not without his name')
    await page.fill(field('offboard-name'), (await page.locator(`${id('member-access')} h2`).innerText()).trim())
    await page.click(id('offboard-submit'))
    await page.locator(id('offboard-dialog')).waitFor({ state: 'detached' })
    await page.waitForSelector(id('inactive'))
    assert.equal(await page.locator(id('access-offboard')).count(), 0)
    assert.equal(await may(url, bobId, 'approve', scope), false)
    const login = await caller(url)('POST', '/api/auth/login', { username: bob.username, password: bob.password })
    assert.ok(login.status >= 400 || login.body.user?.organization === null || !(await caller(url, login.body.access_token)('GET', '/api/auth/user/info')).body?.organization, 'he works here no more')
  }
}

function files(locale) {
  return async ({ visitor, url, out, shared }) => {
    if (!shared.declared) await catalogue(url)
    shared.declared = true
    const tag = locale.slice(0, 2)
    const eve = await joined(url, `eve_${tag}`)
    const page = await visit(visitor, locale)
    await page.goto(`/members/grants?search=${eve.username}`)
    await settled(page)
    await page.waitForSelector(id('empty-state'))

    const file = (name, lines) => ({ name, mimeType: 'text/csv', buffer: Buffer.from(['username,scope_type,scope_id,module,action,reason', ...lines].join('\r\n')) })
    await page.click(id('import'))
    await page.setInputFiles(id('import-file'), file('wrong.csv', [`${eve.username},${SHOP},1,orders,read,"two`, 'lines"', `${eve.username},shup,1,orders,read,`, `nobody_${run},${SHOP},1,orders,sing,`]))
    await page.waitForSelector(`${id('import-result')}[data-errors="2"], ${id('import-result')}[data-errors="3"]`)
    assert.match(await page.locator(`${id('import-line')}[data-line="4"]`).innerText(), /scope_type: shup/)
    assert.match(await page.locator(`${id('import-line')}[data-line="5"]`).innerText(), new RegExp(`nobody_${run}`))
    assert.ok(await page.locator(id('import-apply')).isDisabled(), 'all or nothing')
    await look(page, out, `grants-import-${locale}`)

    await page.setInputFiles(id('import-file'), file('right.csv', [`${eve.username},${SHOP},1,orders,read,"two`, 'lines"', `${eve.username},${SHOP},1,stock,read,`, `${eve.username},${SHOP},2,stock,read,`]))
    await page.waitForSelector(`${id('import-result')}[data-errors="0"]`)
    await look(page, out, `grants-import-right-${locale}`)
    await page.click(id('import-apply'))
    await page.locator(id('import-apply')).waitFor({ state: 'detached' })
    await page.keyboard.press('Escape')
    await page.locator(id('import-dialog')).waitFor({ state: 'detached' })
    await page.locator(id('row')).nth(2).waitFor()
    assert.equal(await page.locator(id('row'), { hasText: eve.username }).count(), 3)

    // What is filtered is what is exported.
    await page.locator(id('filter-module')).click()
    await page.locator('.el-select-dropdown__item:visible', { hasText: /^\s*stock\s*$/ }).click()
    await page.waitForURL(/module=stock/)
    await settled(page)
    const [download] = await Promise.all([page.waitForEvent('download'), page.click(id('export'))])
    const csv = readFileSync(await download.path(), 'utf8').trim().split(/\r?\n/)
    assert.match(csv[0], /^\uFEFF?username,email,scope_type,scope_id,module,action/)
    assert.deepEqual(csv.slice(1).map((line) => line.split(',').slice(3, 6).join()).sort(), ['1,stock,read', '2,stock,read'])

    // By keyboard: both are chosen and taken.
    await page.locator(`thead input[type="checkbox"]`).press('Space')
    await page.locator(id('bulk-revoke')).press('Enter')
    await confirm(page)
    await page.waitForSelector(id('empty-state'))
    await page.click(id('clear-filters'))
    await page.fill(field('search'), eve.username)
    await page.waitForURL(/search=/)
    // Until the answer is there, the list before it is shown.
    await page.locator(id('row')).nth(1).waitFor({ state: 'detached' })
    await row(page, 'orders:read').waitFor()
  }
}

export default {
  'nobody without the right sees who holds what': async ({ visitor, url, allow }) => {
    const api = caller(url)
    for (const path of ['/api/member-grants', '/api/member-grants/who-can', '/api/member-terms']) assert.equal((await api('GET', path)).status, 401)
    const stranger = await joined(url, 'kim')
    allow(/^403 GET \/api\/member/, /^403 GET \/api\/users/)
    const page = await visitor({ locale: 'en-US' })
    await signIn(page, stranger)
    assert.equal(await page.locator('a[href="/members/grants"]').count(), 0)
    for (const path of ['/members/grants', '/members/who-can', '/members/access']) {
      await page.goto(path)
      await page.waitForSelector(id('forbidden-state'))
    }
  },
  ...Object.fromEntries(Object.keys(words).flatMap((locale) => [
    [`a permission is given, explained, copied, taken, and all of it when somebody leaves (${locale})`, life(locale)],
    [`grants come from a file and go into one (${locale})`, files(locale)],
  ])),
}
