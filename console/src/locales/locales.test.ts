import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createI18n } from 'vue-i18n'
import { detectLocale } from './detect'
import enUS from './en-US'
import zhCN from './zh-CN'

type Tree = { [key: string]: string | Tree }

function flat(tree: Tree, prefix = ''): Record<string, string> {
  return Object.fromEntries(Object.entries(tree).flatMap(([key, value]) =>
    typeof value === 'string' ? [[prefix + key, value]] : Object.entries(flat(value, `${prefix}${key}.`))))
}

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return entry.name === 'locales' ? [] : sources(path)
    return /\.(vue|ts)$/.test(entry.name) && !entry.name.includes('.test.') ? [readFileSync(path, 'utf8')] : []
  })
}

const zh = flat(zhCN)
const en = flat(enUS)
const holes = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((m) => m[1]).sort()

describe('the two languages', () => {
  it('have the same keys', () => {
    expect(Object.keys(en).sort()).toEqual(Object.keys(zh).sort())
  })

  it('fill the same holes', () => {
    for (const key of Object.keys(zh)) expect([key, holes(en[key] ?? '')]).toEqual([key, holes(zh[key] ?? '')])
  })

  it('are each written in their own script', () => {
    expect(Object.entries(en).filter(([, text]) => /[\u4e00-\u9fff]/.test(text))).toEqual([])
  })

  it('parse: no stray sign of the message grammar', () => {
    const options: Record<string, unknown> = { legacy: false, locale: 'zh', messages: { zh: zhCN, en: enUS } }
    const { t } = createI18n(options).global as unknown as { t(key: string, named: object, options: object): string }
    for (const locale of ['zh', 'en']) {
      for (const key of Object.keys(zh)) expect(() => t(key, {}, { locale })).not.toThrow()
    }
  })
})

describe('the code', () => {
  it('asks only for keys that exist', () => {
    const asked = new Set(sources(join(process.cwd(), 'src')).flatMap((text) => [...text.matchAll(/(?:\$t|\bt|\bte)\(\s*'([a-z_]+(?:\.[a-zA-Z_]+)+)'/g)].map((m) => m[1] ?? '')))
    expect(asked.size).toBeGreaterThan(200)
    expect([...asked].filter((key) => !(key in zh))).toEqual([])
  })
})

describe('the errors', () => {
  it('have words for every code that docs/API.md names', () => {
    const table = readFileSync(join(process.cwd(), '../docs/API.md'), 'utf8').split('\n').filter((line) => /^\| [45]\d\d \|/.test(line))
    const codes = table.flatMap((line) => [...(line.split('|')[2] ?? '').matchAll(/`([a-z_]+)`/g)].map((m) => m[1] ?? ''))
    expect(codes.length).toBeGreaterThan(50)
    expect(codes.filter((code) => !(`errors.${code}` in zh))).toEqual([])
  })
})

describe('the first language', () => {
  it('is the stored one, then the browser’s, then Chinese', () => {
    expect(detectLocale('en-US', ['zh-CN'])).toBe('en-US')
    expect(detectLocale(null, ['fr-FR', 'en-GB'])).toBe('en-US')
    expect(detectLocale('xx', ['zh-TW'])).toBe('zh-CN')
    expect(detectLocale(null, ['fr'])).toBe('zh-CN')
  })
})
