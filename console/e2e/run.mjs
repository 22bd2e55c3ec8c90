// Runs every *.spec.mjs of this folder in one headless Chromium.
//   node e2e/run.mjs [words that choose the tests]
// TENON_URL    a server that is already up; without it one is started for this run, in a folder of its own
// TENON_BIN    the binary to start (../target/debug/tenon)
// CHROMIUM     the browser (/usr/bin/chromium)
// E2E_OUT      where pictures go (e2e/artifacts): of every page, and of every failure
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { chromium } from 'playwright-core'
import { startServer } from './server.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync)
const chosen = process.env.CHROMIUM ?? executablePath
const out = resolve(process.env.E2E_OUT ?? join(here, 'artifacts'))
const wanted = process.argv.slice(2)
// Chromium reports what fails as an error of the console too; `watch` looks at the answers and failures themselves.
const EXPECTED = /^Failed to load resource: (the server responded with a status of [45]\d\d|net::ERR_)/

if (!chosen || !existsSync(chosen)) {
  console.error('There is no Chromium. On Debian: apt-get install --yes chromium')
  process.exit(2)
}
rmSync(out, { recursive: true, force: true })
mkdirSync(out, { recursive: true })

const server = process.env.TENON_URL ? null : await startServer()
const url = (process.env.TENON_URL ?? server.url).replace(/\/$/, '')
const browser = await chromium.launch({
  executablePath: chosen,
  args: [
    '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync',
  ],
})

/** What the browser complains about: scripts that fail, the console's errors, breaches of the CSP. */
function watch(page, problems, allowed) {
  page.on('pageerror', (error) => problems.push(`script error: ${error.stack ?? error.message}`))
  page.on('requestfailed', (request) => {
    const why = request.failure()?.errorText
    // A page that is left cancels its requests.
    const line = `${why} ${request.method()} ${request.url().replace(url, '')}`
    if (why !== 'net::ERR_ABORTED' && !allowed.some((pattern) => pattern.test(line))) problems.push(line)
  })
  page.on('response', async (response) => {
    if (response.status() < 400) return
    const line = `${response.status()} ${response.request().method()} ${response.url().replace(url, '')}`
    if (allowed.some((pattern) => pattern.test(line))) return
    problems.push(line)
    const body = await response.text().catch(() => '')
    if (body) problems.push(`${line} answered ${body}`)
  })
  page.on('console', (message) => {
    const text = message.text()
    if (!['error', 'warning'].includes(message.type()) || EXPECTED.test(text)) return
    problems.push(`console ${message.type()}: ${text} (${message.location().url})`)
  })
}

async function one(name, run, shared) {
  const pages = []
  const problems = []
  // A refusal by the server fails a test, unless it says that it wants it, with the status: `allow(/^401 POST .*login/)`.
  const allowed = []
  const allow = (...patterns) => allowed.push(...patterns)
  // Each call is a browser of its own: another person, or the same one elsewhere.
  const visitor = async (options = {}) => {
    const context = await browser.newContext({ locale: 'en-US', baseURL: url, viewport: { width: 1366, height: 860 }, ...options })
    context.setDefaultTimeout(15_000)
    context.on('page', (page) => {
      pages.push(page)
      watch(page, problems, allowed)
    })
    return context.newPage()
  }
  const started = Date.now()
  try {
    await run({ visitor, url, shared, out, allow })
    if (problems.length > 0) throw new Error([...new Set(problems)].join('\n'))
    console.log(`ok    ${name} (${Date.now() - started} ms)`)
    return true
  } catch (error) {
    console.error(`FAIL  ${name}\n${error.stack ?? error}\n${problems.join('\n')}`)
    for (const [index, page] of pages.entries()) {
      const file = join(out, `FAIL-${name.replace(/\W+/g, '-')}-${index}.png`)
      await page.screenshot({ path: file }).then(() => console.error(`      ${page.url()} -> ${file}`)).catch(() => undefined)
    }
    return false
  } finally {
    for (const page of pages) await page.context().close().catch(() => undefined)
  }
}

let failed = 0
try {
  for (const file of readdirSync(here).filter((name) => name.endsWith('.spec.mjs')).sort()) {
    const specs = (await import(pathToFileURL(join(here, file)).href)).default
    const shared = {}
    for (const [name, run] of Object.entries(specs)) {
      if (wanted.length > 0 && !wanted.some((word) => `${file} ${name}`.includes(word))) continue
      if (!(await one(`${file} · ${name}`, run, shared))) failed += 1
    }
  }
} finally {
  await browser.close()
  if (failed > 0) process.exitCode = 1
  await server?.stop()
}
