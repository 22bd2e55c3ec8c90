// A picture of every page in both languages, light and dark; what the browser complains about fails it.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { id, owner, settled, signIn } from './steps.mjs'

const outside = {
  'sign-in': '/sign-in',
  forgot: '/forgot-password',
  reset: '/reset-password?token=x',
  accept: '/accept-invitation?token=x',
  'confirm-email': '/confirm-email?token=x',
}
const inside = {
  home: '/',
  users: '/users',
  invitations: '/users?tab=invitations',
  roles: '/roles',
  departments: '/departments',
  posts: '/posts',
  menus: '/menus',
  jobs: '/jobs',
  'new-job': '/jobs?record=new',
  schedules: '/schedules',
  'new-schedule': '/schedules?record=new',
  'job-alerts': '/job-alerts',
  'new-job-alert': '/job-alerts?record=new',
  queues: '/platform/queues',
  workers: '/platform/workers',
  'platform-jobs': '/platform/jobs',
  'platform-schedules': '/platform/schedules',
  'job-kinds': '/platform/job-kinds',
  'id-databases': '/ids/databases',
  'new-id-database': '/ids/databases?record=new',
  'id-tables': '/ids/tables',
  'id-keys': '/ids/keys',
  'new-id-key': '/ids/keys?record=new',
  'id-owner': '/ids/owner',
  'id-generators': '/ids/generators',
  'new-id-generator': '/ids/generators?record=new',
  'id-playground': '/ids/playground',
  'member-grants': '/members/grants',
  'new-member-grant': '/members/grants?record=new',
  'member-who-can': '/members/who-can',
  'member-access': '/members/access',
  'member-clients': '/members/programs',
  'new-member-client': '/members/programs?record=new',
  'member-issuers': '/members/issuers',
  'new-member-issuer': '/members/issuers?record=new',
  'webhook-endpoints': '/webhooks/endpoints',
  'new-webhook-endpoint': '/webhooks/endpoints?record=new',
  'webhook-deliveries': '/webhooks/deliveries',
  organization: '/organization',
  audit: '/audit',
  'sign-ins': '/sign-ins',
  sessions: '/sessions',
  'member-keys': '/api-keys',
  'platform-users': '/platform/users',
  'platform-organizations': '/platform/organizations',
  system: '/platform/system',
  'api-routes': '/api-routes',
  'department-trash': '/departments?trash=true',
  'member-trash': '/users?trash=true',
  profile: '/profile',
  security: '/profile?tab=security',
  'own-sessions': '/profile?tab=sessions',
  'api-keys': '/profile?tab=keys',
  'not-found': '/nowhere',
}
/** A key that has no words shows itself as it is written in the source. */
const UNTRANSLATED = /\b(?:auth|common|errors|fields|grants|home|identity|ids|jobs|layout|members|platform|resource|webhooks)\.[a-z_]+(?:\.[a-z_]+)+/

async function pictures({ visitor, out, allow }, locale) {
  // The made-up token.
  allow(/^404 GET \/api\/auth\/invitations\/x/)
  const page = await visitor({ locale, colorScheme: 'light' })
  await page.addInitScript((choice) => localStorage.setItem('tenon.preferences', JSON.stringify(choice)), { theme: 'system', locale })

  async function look(name, theme) {
    await page.emulateMedia({ colorScheme: theme })
    // Fades must have ended; nothing is asserted about them.
    await page.waitForTimeout(250)
    await page.screenshot({ path: join(out, `${name}-${locale}-${theme}.png`) })
    const state = await page.evaluate(() => ({
      dark: document.documentElement.classList.contains('dark'),
      lang: document.documentElement.lang,
      wide: document.documentElement.scrollWidth > window.innerWidth,
      text: document.body.innerText,
    }))
    assert.equal(state.dark, theme === 'dark', `${name}: the theme`)
    assert.equal(state.lang, locale, `${name}: the language`)
    assert.ok(!state.wide, `${name}: wider than the window`)
    assert.doesNotMatch(state.text, UNTRANSLATED, `${name}: words are missing`)
  }
  async function open(name, path) {
    await page.goto(path)
    await settled(page)
    await look(name, 'light')
    await look(name, 'dark')
    await page.emulateMedia({ colorScheme: 'light' })
  }
  for (const [name, path] of Object.entries(outside)) await open(name, path)
  await signIn(page, owner)
  for (const [name, path] of Object.entries(inside)) {
    await open(name, path)
    assert.equal(await page.locator(id('forbidden-state')).count(), 0, `${name}: the owner may`)
    assert.equal(await page.locator(id('error-state')).count(), 0, `${name}: loads`)
  }
}

/** What is wider than a phone scrolls inside its card, never the page itself. */
async function narrow({ visitor }) {
  const page = await visitor({ viewport: { width: 390, height: 844 } })
  await signIn(page, owner)
  for (const [name, path] of Object.entries(inside)) {
    await page.goto(path)
    await settled(page)
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), `${name}: wider than a phone`)
  }
}

export default {
  ...Object.fromEntries(['zh-CN', 'en-US'].map((locale) => [`every page in ${locale}, light and dark`, (tools) => pictures(tools, locale)])),
  'no page is wider than a phone': narrow,
}
