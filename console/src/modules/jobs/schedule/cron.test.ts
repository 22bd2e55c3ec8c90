import { describe, expect, it } from 'vitest'
import { build, EVERY, fieldsOf, MODES, parse, switched, type Built } from './cron'

describe('the builder', () => {
  it.each<[Built, string]>([
    [{ mode: 'seconds', every: 1 }, '* * * * * ?'],
    [{ mode: 'seconds', every: 10 }, '*/10 * * * * ?'],
    [{ mode: 'minutes', every: 1 }, '* * * * *'],
    [{ mode: 'minutes', every: 15 }, '*/15 * * * *'],
    [{ mode: 'hourly', every: 1, minute: 30 }, '30 * * * *'],
    [{ mode: 'hourly', every: 6, minute: 0 }, '0 */6 * * *'],
    [{ mode: 'daily', hour: 2, minute: 5 }, '5 2 * * *'],
    [{ mode: 'weekly', days: [1, 2, 3, 4, 5], hour: 2, minute: 0 }, '0 2 * * 1-5'],
    [{ mode: 'weekly', days: [0, 6], hour: 9, minute: 30 }, '30 9 * * 6,0'],
    [{ mode: 'weekly', days: [0, 4, 5, 6], hour: 9, minute: 30 }, '30 9 * * 4-7'],
    [{ mode: 'weekly', days: [1, 3, 5], hour: 9, minute: 30 }, '30 9 * * 1,3,5'],
    [{ mode: 'monthly', day: 15, hour: 0, minute: 0 }, '0 0 15 * *'],
    [{ mode: 'monthly', day: 'last', hour: 23, minute: 45 }, '0 45 23 L * ?'],
  ])('writes %j as %s, and reads it back', (built, expression) => {
    expect(build(built)).toBe(expression)
    expect(parse(expression)).toEqual(built)
  })

  it('reads back everything it can write', () => {
    const all: Built[] = [
      ...EVERY.seconds.map((every) => ({ mode: 'seconds' as const, every })),
      ...EVERY.minutes.map((every) => ({ mode: 'minutes' as const, every })),
      ...EVERY.hourly.flatMap((every) => [0, 7, 59].map((minute) => ({ mode: 'hourly' as const, every, minute }))),
      ...Array.from({ length: 127 }, (_, i) => ({ mode: 'weekly' as const, days: [0, 1, 2, 3, 4, 5, 6].filter((d) => (i + 1) & (1 << d)), hour: 23, minute: 59 })),
      ...Array.from({ length: 31 }, (_, i) => ({ mode: 'monthly' as const, day: i + 1, hour: 0, minute: 1 })),
    ]
    for (const built of all) expect(parse(build(built))).toEqual(built)
  })

  it('starts each case with something sensible and keeps the time of day', () => {
    for (const mode of MODES) if (mode !== 'custom') expect(parse(build(switched(mode, null)))?.mode).toBe(mode)
    expect(build(switched('weekly', { mode: 'daily', hour: 7, minute: 45 }))).toBe('45 7 * * 1-5')
  })
})

describe('an expression written by hand', () => {
  it.each<[string, Built | null]>([
    ['0 2 * * MON-FRI', { mode: 'weekly', days: [1, 2, 3, 4, 5], hour: 2, minute: 0 }],
    ['0 2 * * 5-1', { mode: 'weekly', days: [0, 1, 5, 6], hour: 2, minute: 0 }],
    ['0 2 * * 7', { mode: 'weekly', days: [0], hour: 2, minute: 0 }],
    ['0 0 2 ? * 2-6', { mode: 'weekly', days: [1, 2, 3, 4, 5], hour: 2, minute: 0 }],
    ['0 0 2 ? * 1', { mode: 'weekly', days: [0], hour: 2, minute: 0 }],
    ['0 0 2 ? * sun', { mode: 'weekly', days: [0], hour: 2, minute: 0 }],
    ['0 0/5 * * * ?', { mode: 'minutes', every: 5 }],
    ['0 15 10 * * ? *', { mode: 'daily', hour: 10, minute: 15 }],
    ['  5   2 * * *  ', { mode: 'daily', hour: 2, minute: 5 }],
  ])('%s is one of the cases', (expression, built) => {
    expect(parse(expression)).toEqual(built)
  })

  it.each(['', '* * *', '*/7 * * * *', '0 2 1 * 1', '0 2 * 1 *', '0 2 * * 1#2', '0 0 2 15W * ?', '0 0 2 ? * 6L', '0 0 2 1 * 2', '30 0 2 * * ?', '0 25 * * *', '60 2 * * *', '0 2 * * 8', '0 0 2 ? * 0', '0 0 2 ? * 8', '0 2 32 * *', '0 2 0 * *', '0 15 10 ? * 6L 2027', '1,31 * * * *'])('“%s” is left to the hand', (expression) => {
    expect(parse(expression)).toBeNull()
  })
})

describe('the fields below an expression', () => {
  it('are those of its dialect', () => {
    expect(fieldsOf('0 2 * * 1-5').map((f) => f.name)).toEqual(['minute', 'hour', 'day', 'month', 'weekday'])
    expect(fieldsOf('0 0 2 ? * 2').map((f) => f.name)).toEqual(['second', 'minute', 'hour', 'day', 'month', 'weekday'])
    expect(fieldsOf('0 0 2 ? * 2 2027').at(-1)).toEqual({ name: 'year', value: '2027' })
    expect(fieldsOf('0 2').map((f) => f.value)).toEqual(['0', '2', '', '', ''])
  })
})
