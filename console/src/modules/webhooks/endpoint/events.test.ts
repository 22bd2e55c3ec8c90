import { describe, expect, it } from 'vitest'
import type { EventType } from '../types'
import { grouped, unknown } from './events'

const type = (name: string): EventType => ({ name, title: { zh: name, en: name }, about: { zh: '', en: '' } })
const types = ['ping', 'permission.granted', 'user.created', 'permission.revoked'].map(type)

describe('event types', () => {
  it('stand in groups, each where its first one stood', () => {
    expect(grouped(types, []).map((group) => [group.key, group.types.map((one) => one.name)])).toEqual([
      ['permission', ['permission.granted', 'permission.revoked']],
      ['user', ['user.created']],
    ])
  })

  it('offer a ping only to those who have it', () => {
    expect(grouped(types, ['ping'])[0]).toEqual({ key: 'ping', types: [type('ping')] })
  })

  it('that the server has forgotten are told', () => {
    expect(unknown(types, ['user.created', 'order.paid'])).toEqual(['order.paid'])
  })
})
