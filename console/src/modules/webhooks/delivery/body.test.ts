import { describe, expect, it } from 'vitest'
import { readable, toneOf } from './body'

describe('a body', () => {
  it('is spread over lines, and left as it is where it is no JSON', () => {
    expect(readable('{"a":{"b":1}}')).toBe('{\n  "a": {\n    "b": 1\n  }\n}')
    expect(readable('not json')).toBe('not json')
  })
})

describe('a try', () => {
  it('is good with a status of 2xx and nothing else', () => {
    expect([toneOf(200, null), toneOf(204, null)]).toEqual(['good', 'good'])
    expect([toneOf(301, 'status'), toneOf(410, 'status'), toneOf(null, 'timeout'), toneOf(200, 'invalid')]).toEqual(['bad', 'bad', 'bad', 'bad'])
  })
})
