// What the journey does not touch: every kind of page does its work against the real server.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { confirm, field, id, owner, row, run, settled, signIn } from './steps.mjs'

async function post(page, code, name) {
  await page.goto('/posts')
  await page.click(id('create'))
  await page.fill(field('post-code'), code)
  await page.fill(field('post-name'), name)
  await page.click(id('save'))
  await row(page, code).waitFor()
}

export default {
  'a post is made, changed, thrown away and brought back': async ({ visitor }) => {
    const page = await visitor()
    await signIn(page, owner)
    const code = `joiner-${run}`
    await post(page, code, 'Joiner')
    await row(page, code).locator(id('edit')).click()
    await page.fill(field('post-name'), 'Master joiner')
    await page.click(id('save'))
    await row(page, 'Master joiner').waitFor()
    await row(page, code).locator(id('delete')).click()
    await confirm(page)
    await row(page, code).waitFor({ state: 'detached' })
    await page.click(id('toggle-trash'))
    await row(page, code).locator(id('restore')).click()
    await row(page, code).waitFor({ state: 'detached' })
    await page.click(id('toggle-trash'))
    await row(page, 'Master joiner').waitFor()
  },

  'two people change one post: the second sees both versions': async ({ visitor, allow }) => {
    allow(/^412 (PUT|PATCH) \/api\/posts\//)
    const [one, two] = [await visitor(), await visitor()]
    await signIn(one, owner)
    await signIn(two, owner)
    const code = `turner-${run}`
    await post(one, code, 'Turner')
    await two.goto('/posts')
    await row(two, code).locator(id('edit')).click()
    await two.fill(field('post-name'), 'Turner B')
    await row(one, code).locator(id('edit')).click()
    await one.fill(field('post-name'), 'Turner A')
    await one.click(id('save'))
    await row(one, 'Turner A').waitFor()
    await two.click(id('save'))
    await two.waitForSelector(id('conflict'))
    await two.click(id('keep-mine'))
    await row(two, 'Turner B').waitFor()
  },

  'a taken code is refused beside its field': async ({ visitor, allow }) => {
    allow(/^409 POST \/api\/posts\//)
    const page = await visitor()
    await signIn(page, owner)
    await post(page, `carver-${run}`, 'Carver')
    await page.click(id('create'))
    await page.fill(field('post-code'), `carver-${run}`)
    await page.fill(field('post-name'), 'Another')
    await page.click(id('save'))
    await page.locator('.el-form-item__error, .el-form-item.is-error').first().waitFor()
  },

  'a file is tried, imported and exported again': async ({ visitor }) => {
    const page = await visitor({ acceptDownloads: true })
    await signIn(page, owner)
    await page.goto('/posts')
    const file = (text) => ({ name: 'posts.csv', mimeType: 'text/csv', buffer: Buffer.from(text) })
    await page.click(id('import'))
    await page.setInputFiles(id('import-file'), file(`code,name,status\ncooper-${run},Cooper,enabled\nwheel-${run},,enabled\n`))
    await page.click(id('import-check'))
    await page.waitForSelector(id('import-result'))
    await page.setInputFiles(id('import-file'), file(`code,name,status\ncooper-${run},Cooper,enabled\nwheel-${run},Wheelwright,enabled\n`))
    await page.click(id('import-check'))
    await page.locator(`${id('import-apply')}:not([disabled])`).click()
    await row(page, `wheel-${run}`).waitFor()
    await page.keyboard.press('Escape')
    await page.goto('/posts')
    await settled(page)
    await page.click(id('export'))
    const [download] = await Promise.all([page.waitForEvent('download'), page.click('.el-dropdown-menu__item:has-text("CSV")')])
    const text = readFileSync(await download.path(), 'utf8')
    assert.match(text, /code,.*name|name,.*code/)
    assert.match(text, new RegExp(`wheel-${run}`))
  },

  'departments make a tree': async ({ visitor }) => {
    const page = await visitor()
    await signIn(page, owner)
    await page.goto('/departments')
    await page.locator(id('create')).first().click()
    await page.fill(field('department-name'), `Workshop ${run}`)
    await page.click(id('save'))
    const parent = page.locator(id('tree-row'), { hasText: `Workshop ${run}` }).first()
    await parent.waitFor()
    await parent.locator(id('add-child')).click()
    await page.fill(field('department-name'), `Turning ${run}`)
    await page.click(id('save'))
    const child = page.locator(id('tree-row'), { hasText: `Turning ${run}` }).first()
    await child.waitFor()
    assert.equal(await child.getAttribute('aria-level'), '2')
  },

  'a department is thrown away and brought back': async ({ visitor }) => {
    const page = await visitor()
    await signIn(page, owner)
    await page.goto('/departments')
    await page.locator(id('create')).first().click()
    await page.fill(field('department-name'), `Attic ${run}`)
    await page.click(id('save'))
    const branch = page.locator(id('tree-row'), { hasText: `Attic ${run}` })
    await branch.locator(id('delete')).click()
    await confirm(page)
    await branch.waitFor({ state: 'detached' })
    await page.click(id('toggle-trash'))
    await row(page, `Attic ${run}`).locator(id('restore')).click()
    await row(page, `Attic ${run}`).waitFor({ state: 'detached' })
    await page.click(id('toggle-trash'))
    await branch.waitFor()
  },

  'a menu of one’s own appears for its owner': async ({ visitor }) => {
    const page = await visitor()
    await signIn(page, owner)
    await page.goto('/menus')
    await page.locator(id('create')).first().click()
    await page.locator('.el-radio-button').last().click()
    await page.fill(field('menu-title-zh'), `手册 ${run}`)
    await page.fill(field('menu-title-en'), `Manual ${run}`)
    await page.fill('input[type="url"]', 'https://example.com/manual')
    await page.click(id('save'))
    await page.locator(id('tree-row') + ', ' + id('row'), { hasText: `Manual ${run}` }).first().waitFor()
    await page.goto('/')
    await page.locator('nav, aside').getByText(`Manual ${run}`).first().waitFor()
  },

  'a role is copied and what a member may do is explained': async ({ visitor }) => {
    const page = await visitor()
    await signIn(page, owner)
    await page.goto('/roles')
    await row(page, 'auditor').locator(id('copy-role')).click()
    await page.fill(field('copy-name'), `Copy ${run}`)
    await page.fill(field('copy-code'), `copy_${run}`)
    await page.click(id('copy-submit'))
    await row(page, `Copy ${run}`).waitFor()
    await page.goto('/users')
    await page.locator(id('edit')).first().click()
    await page.waitForSelector(id('access'))
  },

  'an invitation is sent again and taken back': async ({ visitor }) => {
    const page = await visitor()
    await signIn(page, owner)
    await page.goto('/users')
    await page.click(id('invite'))
    await page.fill(field('invite-email'), `later_${run}@example.com`)
    await page.click(id('invite-submit'))
    await page.waitForSelector(field('invite-link'))
    await page.click(id('invite-close'))
    await page.goto('/users?tab=invitations')
    const invitation = page.locator(id('invitation-row'), { hasText: `later_${run}` })
    await invitation.locator(id('resend')).click()
    await page.waitForTimeout(300)
    await page.keyboard.press('Escape')
    await page.goto('/users?tab=invitations')
    await invitation.locator(id('revoke')).click()
    await confirm(page)
    await invitation.locator(id('revoke')).waitFor({ state: 'detached' })
  },

  'an API key is shown once, works, and ends': async ({ visitor, url }) => {
    const page = await visitor()
    await signIn(page, owner)
    await page.goto('/profile?tab=keys')
    await page.click(id('create-key'))
    await page.fill(field('key-name'), `backup ${run}`)
    await page.click(id('key-submit'))
    const shown = page.locator(`input${id('new-key')}`)
    await shown.waitFor()
    const key = await shown.inputValue()
    assert.match(key, /^tnk_/)
    const call = () => fetch(`${url}/api/posts/`, { headers: { 'x-api-key': key } }).then((answer) => answer.status)
    assert.equal(await call(), 200)
    await page.goto('/profile?tab=keys')
    const mine = page.locator(id('key-row'), { hasText: `backup ${run}` })
    await mine.waitFor()
    assert.ok(!(await page.locator('body').innerText()).includes(key), 'it is not shown again')
  },

  'name, organisation and password are changed': async ({ visitor, allow }) => {
    allow(/^422 POST \/api\/auth\/password\/change/)
    const page = await visitor()
    await signIn(page, owner)
    await page.goto('/profile')
    await page.fill(field('profile-name'), 'Olive Owner')
    await page.click(id('profile-save'))
    await page.locator('.el-message').first().waitFor()
    await page.goto('/organization')
    await page.fill(field('organization-name'), 'Joinery & Sons')
    await page.click(id('organization-save'))
    await page.locator(id('organization-switcher'), { hasText: 'Joinery & Sons' }).waitFor()
    await page.goto('/profile?tab=security')
    const change = async (current, next) => {
      await page.fill(field('current-password'), current)
      await page.fill(field('new-password'), next)
      await page.fill(field('new-password-again'), next)
      await page.click(id('password-save'))
    }
    await change('not-the-password', `${owner.password}-${run}`)
    await page.locator('.el-form-item__error').first().waitFor()
    await change(owner.password, `${owner.password}-${run}`)
    await page.waitForFunction((selector) => document.querySelector(selector)?.value === '', field('current-password'))
    await signIn(await visitor(), { ...owner, password: `${owner.password}-${run}` })
    await change(`${owner.password}-${run}`, owner.password)
    await page.waitForFunction((selector) => document.querySelector(selector)?.value === '', field('current-password'))
  },

  'another session is ended from afar': async ({ visitor, allow }) => {
    allow(/^401 /)
    const [here, there] = [await visitor(), await visitor({ userAgent: `Elsewhere/${run}` })]
    await signIn(there, owner)
    await signIn(here, owner)
    await here.goto('/profile?tab=sessions')
    const other = here.locator(id('session-row'), { has: here.locator(`[title*="Elsewhere/${run}"]`) })
    await other.locator(id('end-session')).click()
    await other.waitFor({ state: 'detached' })
    await there.goto('/posts')
    await there.waitForURL(/\/sign-in/)
  },

  'search, filter and sort stay in the address': async ({ visitor }) => {
    const page = await visitor()
    await signIn(page, owner)
    await page.goto('/posts')
    await settled(page)
    await page.fill(`input${id('search')}`, `carver-${run}`)
    await page.waitForURL(/search=/)
    await row(page, `carver-${run}`).waitFor()
    await page.reload()
    await row(page, `carver-${run}`).waitFor()
    assert.equal(await page.locator(id('row')).count(), 1)
    await page.goto('/posts?status=enabled&sort=-name,code')
    await settled(page)
    assert.equal(await page.locator(id('error-state')).count(), 0)
  },
}
