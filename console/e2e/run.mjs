// Runs every *.spec.mjs of this folder in one headless Chromium, against a server that is already up.
// TENON_URL (http://127.0.0.1:8000), CHROMIUM (/usr/bin/chromium), E2E_OUT (e2e/out: pictures of failures).
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { chromium } from 'playwright-core'

const here = dirname(fileURLToPath(import.meta.url))
const url = (process.env.TENON_URL ?? 'http://127.0.0.1:8000').replace(/\/$/, '')
const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium'
const out = process.env.E2E_OUT ?? join(here, 'out')
const wanted = process.argv.slice(2)

if (!existsSync(executablePath)) {
  console.error(`No Chromium at ${executablePath}. On Debian: apt-get install -y chromium`)
  process.exit(2)
}

const browser = await chromium.launch({
  executablePath,
  args: [
    '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync',
  ],
})

let failed = 0
for (const file of readdirSync(here).filter((name) => name.endsWith('.spec.mjs')).sort()) {
  const specs = (await import(pathToFileURL(join(here, file)).href)).default
  const shared = {}
  for (const [name, run] of Object.entries(specs)) {
    if (wanted.length > 0 && !wanted.some((word) => `${file} ${name}`.includes(word))) continue
    const pages = []
    const problems = []
    // Each call is a browser of its own: another person, or the same one elsewhere.
    const visitor = async (options = {}) => {
      const context = await browser.newContext({ locale: 'en-US', baseURL: url, ...options })
      const page = await context.newPage()
      page.on('pageerror', (error) => problems.push(`script error: ${error.message}`))
      page.on('console', (message) => {
        if (message.type() === 'error' && /Content Security Policy/.test(message.text())) problems.push(message.text())
      })
      pages.push(page)
      return page
    }
    const started = Date.now()
    try {
      await run({ visitor, url, shared })
      if (problems.length > 0) throw new Error(problems.join('\n'))
      console.log(`ok    ${file} · ${name} (${Date.now() - started} ms)`)
    } catch (error) {
      failed += 1
      console.error(`FAIL  ${file} · ${name}\n${error.stack ?? error}`)
      mkdirSync(out, { recursive: true })
      for (const [index, page] of pages.entries()) {
        await page.screenshot({ path: join(out, `${name.replace(/\W+/g, '-')}-${index}.png`) }).catch(() => undefined)
      }
    }
    for (const page of pages) await page.context().close()
  }
}
await browser.close()
process.exit(failed > 0 ? 1 : 0)
