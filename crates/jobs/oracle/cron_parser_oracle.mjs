// Reads cases (expression | zone | from) and writes rows of fires.tsv with the next five fire times that the npm
// package cron-parser finds.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const require = createRequire(`${process.cwd()}/`)
const { CronExpressionParser } = require('cron-parser')
const { version } = JSON.parse(readFileSync(`${process.cwd()}/node_modules/cron-parser/package.json`, 'utf8'))

for (const line of readFileSync(0, 'utf8').split('\n')) {
  if (!line.trim() || line.startsWith('#')) continue
  const [text, zone, from] = line.split('|').map((part) => part.trim())
  const found = CronExpressionParser.parse(text, { currentDate: from, tz: zone })
  const fires = Array.from({ length: 5 }, () => found.next().toISOString().replace('.000Z', 'Z'))
  console.log([text, zone, from, fires.join(' '), `cron-parser ${version}`].join('\t'))
}
