// The ID service against a real PostgreSQL: a database is added and initialized, ids are allocated, a new table is found.
// E2E_POSTGRES_URL  a server where databases may be made (TEST_POSTGRES_URL); without one these tests are left out
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { caller, confirm, field, id, owner, row, run, signIn, tokenOf } from './steps.mjs'

const server = process.env.E2E_POSTGRES_URL ?? process.env.TEST_POSTGRES_URL
const system = `e2e${run}`
const scratch = `e2e_ids_${run}`
const FOUND = 90_000

function at(database) {
  const url = new URL(server)
  url.pathname = `/${database}`
  return url.href
}
const home = () => new URL(server).pathname.slice(1) || 'postgres'
const sql = (database, text) => execFileSync('psql', ['--no-psqlrc', '--quiet', '--set', 'ON_ERROR_STOP=1', at(database)], { input: text, stdio: ['pipe', 'ignore', 'inherit'] })
const number = (page, name) => page.locator(`${id(name)} input`)

/** The page of a key of the scratch database. */
async function openKey(page, table) {
  await page.goto(`/ids/keys?search=${system}:${scratch}:${table}`)
  await row(page, `:${table}:`).locator('.open').click()
  await page.waitForSelector(id('key-page'))
}

const specs = {
  'a database is tested and added': async ({ visitor }) => {
    sql(home(), `CREATE DATABASE ${scratch}`)
    sql(scratch, `
      CREATE TABLE orders (id integer PRIMARY KEY, note text);
      INSERT INTO orders VALUES (1500, 'the highest');
      CREATE TABLE customers (customer_id bigint PRIMARY KEY);
      CREATE TABLE audit_log (line text);
    `)
    const { hostname, port, username, password } = new URL(server)
    const page = await visitor()
    await signIn(page, owner)
    await page.goto('/ids/databases')
    await page.locator(id('create')).first().click()
    await page.fill(field('database-system-code'), system)
    await page.locator(id('kind-postgresql')).click()
    await page.fill(field('database-user'), decodeURIComponent(username))
    await page.fill(field('database-password'), decodeURIComponent(password))
    await page.fill(field('database-name'), scratch)

    // A port where nobody listens is told plainly, and saved is nothing.
    await page.fill(field('database-address'), `${hostname}:1`)
    await page.click(id('test-connection'))
    await page.locator(`${id('test-result')}[data-ok="false"]`).waitFor({ timeout: 30_000 })

    await page.fill(field('database-address'), `${hostname}:${port || 5432}`)
    await page.click(id('test-connection'))
    const result = page.locator(`${id('test-result')}[data-ok="true"]`)
    await result.waitFor({ timeout: 30_000 })
    assert.match(await result.innerText(), /PostgreSQL/)
    await page.click(id('save'))
    await row(page, system).waitFor()
  },

  'a dry run writes nothing, initializing makes the keys': async ({ visitor, url, allow }) => {
    // There was no initialization before.
    allow(/^404 GET \/api\/id-databases\/.+\/initialization/)
    const page = await visitor()
    await signIn(page, owner)
    await page.goto('/ids/databases')
    await row(page, system).locator(id('initialize')).click()
    const planned = (table) => page.locator(id('plan-row'), { has: page.locator('strong', { hasText: new RegExp(`^${table}$`) }) })
    await planned('orders').locator('[data-action="create"]').waitFor({ timeout: 30_000 })
    assert.match(await planned('orders').innerText(), /1,500/)
    await planned('customers').locator('[data-action="create"]').waitFor()
    await planned('audit_log').locator('[data-action="skip"]').waitFor()
    const api = caller(url, await tokenOf(url, owner))
    assert.equal((await api('GET', `/api/id-keys/?search=${system}`)).body.total, 0)

    await page.locator(`button${id('initialize')}`).click()
    await confirm(page)
    await page.locator(`${id('initialization')} ${id('job-state')}[data-state="succeeded"]`).waitFor({ timeout: 60_000 })
    assert.match(await page.locator(id('result-created')).innerText(), /2/)
    assert.equal((await api('GET', `/api/id-keys/?search=${system}`)).body.total, 2)

    // Again there is nothing to do, and nothing can be started.
    await page.click(id('plan'))
    await page.waitForSelector(id('nothing-to-do'), { timeout: 30_000 })
    assert.ok(await page.locator(`button${id('initialize')}`).isDisabled())
  },

  'ids are allocated in the playground, and the journal knows them': async ({ visitor }) => {
    const page = await visitor()
    await signIn(page, owner)
    await openKey(page, 'orders')
    await page.click(id('to-playground'))
    await page.waitForFunction((name) => document.querySelector('input[data-testid="play-table_name"]')?.value === name, 'orders')
    await number(page, 'play-count').fill('100')
    await page.locator(id('play-idempotent')).click()
    await page.click(id('allocate'))
    const range = page.locator(`${id('result-range')}[data-start="1501"][data-end="1600"]`)
    await range.waitFor()
    // The same request under the same key gets the same ids.
    await page.click(id('allocate'))
    await page.waitForSelector(id('result-again'))
    await range.waitFor()

    for (const language of ['python', 'typescript', 'rust', 'curl']) {
      await page.click(`#tab-${language}`)
      assert.match(await page.locator(`${id('samples')} pre`).innerText(), new RegExp(system))
    }

    await page.click(id('to-journal'))
    await page.locator(`${id('journal-line')}[data-start="1501"][data-end="1600"] [data-kind="issued"]`).waitFor()
    await page.click('#tab-owner')
    await page.fill(field('owner-value'), '1550')
    await page.click(id('owner-ask'))
    await page.locator(`${id('owner-answer')}[data-state="issued"]`).waitFor()
    await page.fill(field('owner-value'), '1500')
    await page.click(id('owner-ask'))
    await page.locator(`${id('owner-answer')}[data-state="before"]`).waitFor()
  },

  'a key is raised, put into quarantine and released': async ({ visitor }) => {
    const page = await visitor()
    await signIn(page, owner)
    await openKey(page, 'customers')
    await page.click(id('raise'))
    await page.fill(field('raise-to'), '5,000')
    await page.click(id('action-submit'))
    await page.locator(`${id('key-ceiling')} [data-value="5000"]`).waitFor()

    await page.click(id('more'))
    await page.click(id('action-quarantine'))
    await page.fill(id('quarantine-reason'), 'to look at it')
    await page.click(id('action-submit'))
    await page.waitForSelector(id('quarantine'))
    assert.equal(await page.inputValue(field('release-at')), '5000')
    await page.click(id('release'))
    await page.locator(`${id('key-state')}[data-state="active"]`).waitFor()
  },

  'a table that is made later is found and approved': async ({ visitor, url }) => {
    sql(scratch, 'CREATE TABLE invoices (id bigint PRIMARY KEY); INSERT INTO invoices VALUES (42);')
    // It is looked for every minute; whoever cannot wait says so.
    const api = caller(url, await tokenOf(url, owner))
    const { body } = await api('GET', '/api/platform/schedules/?page_size=100')
    const scan = (body.items ?? []).find((one) => one.job_kind === 'ids.scan')
    if (scan) await api('POST', `/api/platform/schedules/${scan.id}/run/`)

    const page = await visitor()
    await signIn(page, owner)
    await page.goto('/ids/tables?search=invoices')
    const found = row(page, `${system}:${scratch}:invoices:id`)
    await found.waitFor({ timeout: FOUND })
    await found.locator(id('approve')).click()
    await found.waitFor({ state: 'detached' })
    await openKey(page, 'invoices')
    await page.locator(`${id('key-ceiling')} [data-value="42"]`).waitFor()
  },

  'a deleted database retires its keys, and says so before': async ({ visitor }) => {
    const page = await visitor()
    await signIn(page, owner)
    await page.goto('/ids/databases')
    await row(page, system).locator(id('delete')).click()
    // What it will retire is asked for when it opens.
    await page.locator(id('removal')).getByText(`${system}:${scratch}:orders:id`).waitFor()
    await page.fill('#removal-word', system)
    await page.click(id('removal-submit'))
    await row(page, system).waitFor({ state: 'detached' })
    await page.goto(`/ids/keys?search=${system}&state=retired`)
    await row(page, ':orders:').waitFor()
    assert.equal(await page.locator(id('row')).count(), 3)
    sql(home(), `DROP DATABASE ${scratch} WITH (FORCE)`)
  },
}

/** Needs no database of anybody. */
const generators = {
  'a generator shows what it makes before it is saved': async ({ visitor, allow }) => {
    allow(/^422 POST \/api\/id-generators\/preview/)
    const page = await visitor()
    await signIn(page, owner)
    await page.goto('/ids/generators?record=new')
    const name = `invoice-${run}`
    await page.fill(field('generator-name'), name)
    await page.fill(field('generator-pattern'), 'INV-{yyyyMMdd}-{seq:4}')
    await page.locator(id('preview-example')).nth(2).waitFor()
    assert.match(await page.locator(id('preview-example')).first().innerText(), /^INV-\d{8}-\d{4}$/)
    await page.click(id('save'))
    await row(page, name).locator(id('try')).click()
    await page.click(id('try-make'))
    await page.waitForSelector(id('try-ids'))
    assert.match(await page.locator(`${id('try-ids')} pre`).innerText(), /^INV-\d{8}-0001$/)
  },
}

if (!server) console.log('skip  5-ids.spec.mjs: neither E2E_POSTGRES_URL nor TEST_POSTGRES_URL is set')
export default { ...(server ? specs : {}), ...generators }
