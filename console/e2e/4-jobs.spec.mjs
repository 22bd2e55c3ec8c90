// Jobs and schedules in the browser: one fires, one fails and is tried again, one is stopped; long imports with their bar.
import assert from 'node:assert/strict'
import { field, id, owner, run, signIn } from './steps.mjs'

const ROWS = Number(process.env.E2E_IMPORT_ROWS ?? 6_000)
const LONG = 300_000
const row = (page, text) => page.locator(id('row'), { hasText: text }).first()
const confirm = (page) => page.click('.el-message-box__btns .el-button--primary, .el-message-box__btns .el-button--danger')
const state = (page, name) => page.locator(`${id('job-page')} ${id('job-state')}[data-state="${name}"]`).first()
const number = (page, name) => page.locator(`${id(name)} input`)

async function choose(page, kind) {
  await page.click(id('kind-select'))
  await page.locator(id(`kind-${kind}`)).click()
  await page.waitForSelector(id('args-form'))
}

/** A job of this kind, by the form; ends on its page. */
async function start(page, kind, fill) {
  await page.goto('/jobs')
  await page.locator(id('create')).first().click()
  await choose(page, kind)
  await fill?.()
  await page.click(id('job-submit'))
  await page.waitForURL(/\/jobs\/[0-9a-f-]{36}$/)
  await page.waitForSelector(id('job-page'))
}

const csv = (prefix, rows) => ({
  name: 'posts.csv', mimeType: 'text/csv',
  buffer: Buffer.from(`code,name,status\n${Array.from({ length: rows }, (_, i) => `${prefix}-${i},Post ${i},enabled\n`).join('')}`),
})

export default {
  'a schedule is made, fires, and stops when it is switched off': async ({ visitor }) => {
    const page = await visitor()
    await signIn(page, owner)
    await page.goto('/schedules')
    await page.locator(id('create')).first().click()
    const name = `Every second ${run}`
    await page.fill(field('schedule-name'), name)
    await page.click(id('cron-seconds'))
    await page.fill(field('cron-expression'), '* * * * * ?')
    // The preview stands beside the form, or within it on a narrow screen: one of both is seen.
    const shown = page.locator(`${id('preview')}:visible`)
    await shown.locator(id('preview-time')).nth(9).waitFor()
    assert.notEqual((await shown.locator(id('preview-words')).innerText()).trim(), '')
    await choose(page, 'demo.noop')
    await page.click(id('save'))
    await row(page, name).waitFor()
    await row(page, name).locator(`${id('job-state')}[data-state="succeeded"]`).waitFor({ timeout: 20_000 })

    await row(page, name).locator(id('edit')).click()
    await page.locator(id('history-row')).nth(2).waitFor({ timeout: 20_000 })
    await page.keyboard.press('Escape')

    await row(page, name).locator('.el-switch').click()
    await row(page, name).getByText('Paused').waitFor()
    await row(page, name).locator(id('delete')).click()
    await confirm(page)
    await row(page, name).waitFor({ state: 'detached' })
  },

  'a wrong expression is refused while it is written': async ({ visitor, allow }) => {
    allow(/^422 POST \/api\/schedules\/preview/)
    const page = await visitor()
    await signIn(page, owner)
    await page.goto('/schedules?record=new')
    await page.click(id('cron-custom'))
    await page.fill(field('cron-expression'), '0 2 99 * *')
    await page.waitForSelector(id('cron-error'))
    await page.fill(field('cron-expression'), '0 2 * * 1-5')
    await page.locator(`${id('preview-time')}:visible`).nth(9).waitFor()
    assert.equal(await page.locator(id('cron-error')).count(), 0)
  },

  'a job fails, its error is read, and it is tried again': async ({ visitor }) => {
    const page = await visitor()
    await signIn(page, owner)
    await start(page, 'demo.fail', async () => {
      await page.click('.el-collapse-item__header')
      await number(page, 'job-max-attempts').fill('1')
    })
    await state(page, 'dead').waitFor({ timeout: 20_000 })
    const error = await page.locator(`${id('job-error')} pre`).innerText()
    assert.notEqual(error.trim(), '')
    await page.locator(id('attempt')).first().waitFor()
    assert.equal(await page.locator(id('attempt')).count(), 1)

    await page.click(id('retry'))
    await page.locator(id('attempt')).nth(1).waitFor({ timeout: 20_000 })
    await state(page, 'dead').waitFor({ timeout: 20_000 })

    await page.goto('/jobs?state=dead')
    await row(page, 'demo.fail').locator(id('job-link')).click()
    await page.waitForSelector(id('job-error'))
  },

  'a running job is watched live and cancelled': async ({ visitor }) => {
    const page = await visitor()
    await signIn(page, owner)
    await start(page, 'demo.sleep', () => number(page, 'arg-seconds').fill('300'))
    await state(page, 'running').waitFor({ timeout: 20_000 })
    await page.locator(`${id('watching')}.live`).waitFor()
    await page.click(id('cancel'))
    await confirm(page)
    await state(page, 'cancelled').waitFor({ timeout: 20_000 })
    await page.locator(id('watching')).waitFor({ state: 'detached' })
    await page.click(id('run-again'))
    await page.waitForSelector(id('again'))
    await number(page, 'arg-seconds').fill('1')
    const before = page.url()
    await page.click(id('again-submit'))
    await page.waitForURL((url) => url.href !== before)
    await state(page, 'succeeded').waitFor({ timeout: 20_000 })
  },

  'arguments that do not fit are refused at their field': async ({ visitor }) => {
    const page = await visitor()
    await signIn(page, owner)
    await page.goto('/jobs?record=new')
    await choose(page, 'demo.sleep')
    await number(page, 'arg-seconds').fill('')
    await page.click(id('job-submit'))
    await page.locator(`${id('args-form')} .el-form-item__error`).first().waitFor()
    assert.match(page.url(), /record=new/)
  },

  'filters stand in the address, and several jobs are deleted at once': async ({ visitor }) => {
    const page = await visitor()
    await signIn(page, owner)
    await page.goto('/jobs?kind=demo.noop')
    await page.locator(id('row')).first().waitFor()
    await page.click(id('state-succeeded'))
    await page.waitForURL(/state=succeeded/)
    await page.reload()
    await page.locator(id('row')).first().waitFor()
    for (const one of await page.locator(`${id('row')} ${id('job-state')}`).all()) assert.equal(await one.getAttribute('data-state'), 'succeeded')
    const first = await page.locator(id('row')).first().getAttribute('data-row')
    await page.locator(`${id('row')} .el-checkbox`).first().click()
    await page.click(id('bulk-delete'))
    await confirm(page)
    await page.locator(`[data-row="${first}"]`).waitFor({ state: 'detached' })
  },

  'a long import shows its bar and what it did': async ({ visitor }) => {
    const page = await visitor()
    await signIn(page, owner)
    await page.goto('/posts')
    await page.click(id('import'))
    await page.setInputFiles(id('import-file'), csv(`bulk${run}`, ROWS))
    await page.locator(`${id('import-background')}.is-checked`).waitFor()
    await page.click(id('import-check'))
    await page.locator(`${id('import-dialog')} ${id('job-progress')}`).waitFor()
    await page.locator(`${id('import-apply')}:not([disabled])`).click({ timeout: LONG })
    await page.locator(`${id('long-job')} ${id('job-state')}[data-state="succeeded"]`).waitFor({ timeout: LONG })
    assert.ok((await page.locator(id('import-result')).innerText()).includes(new Intl.NumberFormat('en-US').format(ROWS)))
  },

  'a long import that is cancelled takes back what it brought': async ({ visitor }) => {
    const page = await visitor()
    await signIn(page, owner)
    await page.goto('/posts')
    await page.click(id('import'))
    const prefix = `undo${run}`
    await page.setInputFiles(id('import-file'), csv(prefix, ROWS))
    await page.click(id('import-check'))
    await page.locator(`${id('import-apply')}:not([disabled])`).click({ timeout: LONG })
    await page.locator(`${id('long-job')} [data-note="import"] [role="progressbar"]:not([aria-valuenow="0"])`).waitFor({ timeout: LONG })
    await page.click(id('long-cancel'))
    await confirm(page)
    await page.locator(`${id('long-job')} ${id('job-state')}[data-state="cancelled"]`).waitFor({ timeout: LONG })
    await page.goto(`/posts?search=${prefix}`)
    await page.waitForSelector(id('empty-state'))
  },

  'an export in the background is fetched when it is done': async ({ visitor }) => {
    const page = await visitor({ acceptDownloads: true })
    await signIn(page, owner)
    await page.goto('/posts')
    await page.click(id('export'))
    await page.click(id('export-later'))
    await page.click(id('export-start'))
    await page.locator(`${id('long-job')} ${id('job-file')}`).waitFor({ timeout: LONG })
    const [download] = await Promise.all([page.waitForEvent('download'), page.click(`${id('long-job')} ${id('job-file')}`)])
    assert.match(download.suggestedFilename(), /\.(xlsx|csv)$/)
    await page.keyboard.press('Escape')
    await page.click(id('job-tray'))
    await page.waitForSelector(id('job-tray-list'))
  },

  'a queue is paused and resumed': async ({ visitor }) => {
    const page = await visitor()
    await signIn(page, owner)
    await page.goto('/platform/queues')
    const queue = page.locator(id('queue')).first()
    await queue.locator(id('pause')).click()
    await confirm(page)
    await queue.locator(id('resume')).click()
    await queue.locator(id('pause')).waitFor()
    await page.goto('/platform/workers')
    await page.locator(id('worker')).first().waitFor()
  },
}
