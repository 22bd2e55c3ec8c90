// Words that every spec uses.
export const field = (name) => `input[data-testid="${name}"]`
export const id = (name) => `[data-testid="${name}"]`
/** Distinguishes runs against one server. */
export const run = Date.now().toString(36)
export const owner = { username: process.env.E2E_USERNAME ?? 'owner', password: process.env.E2E_PASSWORD ?? 'tongue-and-mortise-71' }
export const guest = { username: `guest_${run}`, password: `dovetail-and-${run}-peg`, email: `guest_${run}@example.com` }

export async function signIn(page, person) {
  await page.goto('/sign-in')
  await page.fill(field('sign-in-username'), person.username)
  await page.fill(field('sign-in-password'), person.password)
  await page.click(id('sign-in-submit'))
  await page.waitForSelector(id('home'))
}

/** Until nothing is being loaded and no skeleton is shown. */
export async function settled(page) {
  await page.waitForLoadState('networkidle')
  await page.locator(id('skeleton')).first().waitFor({ state: 'detached' })
}
