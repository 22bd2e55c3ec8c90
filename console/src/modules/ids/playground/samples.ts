import type { AllocateBody } from './allocate'

export const LANGUAGES = ['curl', 'python', 'typescript', 'rust'] as const
export type Language = (typeof LANGUAGES)[number]

/** Where the samples read the API key from, so that it stands in no source. */
export const VARIABLE = 'TENON_API_KEY'

export interface Call {
  baseUrl: string
  /** What existing clients call, or the newer endpoint, which speaks of a key by its name. */
  body: { wire: 'segment'; allocate: AllocateBody } | { wire: 'next'; key: string; count: number }
  /** Whether the call has to carry an API key; the samples read it from the environment. */
  needsKey: boolean
  idempotencyKey: string | null
}

const quote = (text: string): string => JSON.stringify(text)
/** For a shell: nothing inside single quotes is read, and a quote itself is said outside them. */
const shell = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`
/** Rust writes what JSON writes as `\u001f` with braces. */
const rust = (text: string): string => quote(text).replace(/\\u([0-9a-f]{4})/g, '\\u{$1}').replaceAll('\\b', '\\u{8}').replaceAll('\\f', '\\u{c}')

function parts(call: Call): { path: string; payload: Record<string, string | number> } {
  const { body } = call
  return body.wire === 'segment'
    ? { path: '/api/segment/allocate', payload: { ...body.allocate } }
    : { path: '/api/ids/next', payload: { key: body.key, count: body.count } }
}

function curl(call: Call): string {
  const { path, payload } = parts(call)
  const lines = [
    `curl -X POST ${shell(call.baseUrl + path)}`,
    `-H 'Content-Type: application/json'`,
    ...(call.needsKey ? [`-H "X-API-Key: $${VARIABLE}"`] : []),
    ...(call.idempotencyKey ? [`-H ${shell(`Idempotency-Key: ${call.idempotencyKey}`)}`] : []),
    `-d ${shell(`{${Object.entries(payload).map(([name, value]) => `${quote(name)}: ${JSON.stringify(value)}`).join(', ')}}`)}`,
  ]
  return lines.join(' \\\n  ')
}

function python(call: Call): string {
  const { body } = call
  const client = [quote(call.baseUrl), ...(call.needsKey ? [`api_key=os.environ["${VARIABLE}"]`] : [])].join(', ')
  const token = call.idempotencyKey ? [`idempotency_key=${quote(call.idempotencyKey)}`] : []
  const [name, given] = body.wire === 'segment'
    ? ['segment = client.allocate_segment', Object.entries(body.allocate).map(([field, value]) => `${field}=${typeof value === 'number' ? value : quote(value)}`)]
    : ['ids = client.next_ids', [quote(body.key), `count=${body.count}`]]
  return [
    '# pip install tenon-id',
    ...(call.needsKey ? ['import os', ''] : []),
    'from tenon_id import SegmentClient',
    '',
    `client = SegmentClient(${client})`,
    `${name}(`,
    ...[...given, ...token].map((one) => `    ${one},`),
    ')',
    body.wire === 'segment' ? 'print(segment.start, segment.end)' : 'print(list(ids))',
  ].join('\n')
}

function typescript(call: Call): string {
  const { path, payload } = parts(call)
  const body = Object.entries(payload).map(([name, value]) => `    ${name}: ${typeof value === 'number' ? value : quote(value)},`)
  const segment = call.body.wire === 'segment'
  return [
    `const response = await fetch(${quote(call.baseUrl + path)}, {`,
    `  method: "POST",`,
    '  headers: {',
    '    "Content-Type": "application/json",',
    ...(call.needsKey ? [`    "X-API-Key": process.env.${VARIABLE}!,`] : []),
    ...(call.idempotencyKey ? [`    "Idempotency-Key": ${quote(call.idempotencyKey)},`] : []),
    '  },',
    '  body: JSON.stringify({',
    ...body,
    '  }),',
    '})',
    'const answer = await response.json()',
    ...(segment
      ? ['if (answer.code !== 0) throw new Error(answer.msg)', '// Beyond 2^53 - 1 the ids come as text, so read them as BigInt.', 'const [start, end] = [BigInt(answer.data.start), BigInt(answer.data.end)]']
      : ['if (!response.ok) throw new Error(answer.detail)', 'const ids: bigint[] = answer.ids.map(BigInt)']),
  ].join('\n')
}

function rustCode(call: Call): string {
  const { path, payload } = parts(call)
  const segment = call.body.wire === 'segment'
  return [
    '// cargo add tokio --features full && cargo add reqwest --features json && cargo add serde_json',
    'use serde_json::{Value, json};',
    '',
    '#[tokio::main]',
    'async fn main() -> Result<(), Box<dyn std::error::Error>> {',
    '    let answer: Value = reqwest::Client::new()',
    `        .post(${rust(call.baseUrl + path)})`,
    ...(call.needsKey ? [`        .header("X-API-Key", std::env::var("${VARIABLE}")?)`] : []),
    ...(call.idempotencyKey ? [`        .header("Idempotency-Key", ${rust(call.idempotencyKey)})`] : []),
    '        .json(&json!({',
    ...Object.entries(payload).map(([name, value]) => `            ${rust(name)}: ${typeof value === 'number' ? value : rust(value)},`),
    '        }))',
    '        .send()',
    '        .await?',
    ...(segment ? [] : ['        .error_for_status()?']),
    '        .json()',
    '        .await?;',
    ...(segment
      ? ['    if answer["code"] != 0 {', '        return Err(answer["msg"].to_string().into());', '    }', '    println!("{} to {}", answer["data"]["start"], answer["data"]["end"]);']
      : ['    println!("{}", answer["ids"]);']),
    '    Ok(())',
    '}',
  ].join('\n')
}

export function sampleOf(language: Language, call: Call): string {
  return { curl, python, typescript, rust: rustCode }[language](call)
}
