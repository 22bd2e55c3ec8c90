import { compareBig, readBig } from '../shared/big'
import type { Big } from '../types'

/** A number that stands alone: not a part of a time, a version or the name of a line. */
const NUMBER = /(?<![\w.:-])\d[\d,]*(?![\w:-]|\.\d)/g

/** The highest id that a sentence of the server speaks of, within the limit, and never below what is known already. */
export function lowestIn(sentence: string, known: Big, max: Big): Big {
  const named = (sentence.match(NUMBER) ?? []).map((digits) => readBig(digits)).filter((one): one is Big => one !== null && compareBig(one, max) <= 0)
  return named.reduce((most, one) => (compareBig(one, most) > 0 ? one : most), known)
}
