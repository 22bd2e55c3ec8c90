/** What the server takes, told while it is typed. */

const NAME = /^[a-z][a-z0-9_.-]{0,62}$/

export type Rule = (text: string) => boolean

/** A module, or `module:action`. */
export const isGrant: Rule = (text) => {
  const at = text.indexOf(':')
  return at < 0 ? NAME.test(text) : NAME.test(text.slice(0, at)) && NAME.test(text.slice(at + 1))
}

/** `scheme://host[:port]` and nothing after it. */
export const isOrigin: Rule = (text) => /^https?:\/\/[^/?#@\s*]+$/i.test(text)

/** An address or a network, of either version of IP. */
export const isNetwork: Rule = (text) => {
  const [address = '', length, more] = text.split('/')
  if (more !== undefined) return false
  const isV4 = /^\d{1,3}(\.\d{1,3}){3}$/.test(address) && address.split('.').every((part) => Number(part) <= 255 && String(Number(part)) === part)
  const isV6 = !isV4 && address.includes(':') && /^[0-9a-f:.]+$/i.test(address) && URL.canParse(`http://[${address}]`)
  if (!isV4 && !isV6) return false
  return length === undefined || (/^\d{1,3}$/.test(length) && Number(length) <= (isV4 ? 32 : 128))
}

/** A path, whole or ending in `/*`. */
export const isPath: Rule = (text) => text.startsWith('/') && !text.replace(/(\/\*)+$/, '').includes('*')

export const isClientKey: Rule = (text) => /^[A-Za-z0-9_-]{3,64}$/.test(text)

export const isUrl: Rule = (text) => /^https?:\/\/./.test(text)

/** The first that breaks the rule. */
export function firstWrong(values: readonly string[] | null, rule: Rule): string | null {
  return values?.find((value) => !rule(value)) ?? null
}
