/** How a receiver proves that a message is Tenon's, in the languages of those who write one. */
export const LANGUAGES = ['python', 'typescript', 'rust'] as const
export type Language = (typeof LANGUAGES)[number]

/** Where the samples read the secret from, so that it stands in no source. */
export const VARIABLE = 'WEBHOOK_SECRET'

const python = `import base64, hmac, os, time

SECRET = os.environ["${VARIABLE}"]
KEY = base64.b64decode(SECRET.removeprefix("whsec_"))

# headers: names in lower case
# body: the bytes as they were received
def verify(headers, body):
    sent_at = headers["webhook-timestamp"]
    if abs(time.time() - int(sent_at)) > 300:
        return False
    head = f"{headers['webhook-id']}.{sent_at}."
    mac = hmac.digest(KEY, head.encode() + body, "sha256")
    wanted = b"v1," + base64.b64encode(mac)
    # During a rotation there are several; one is enough.
    given = headers["webhook-signature"].encode().split()
    return any(hmac.compare_digest(wanted, one) for one in given)`

const typescript = `import { createHmac, timingSafeEqual } from "node:crypto"

const secret = process.env.${VARIABLE}!
const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64")

// headers: names in lower case
// body: the bytes as they were received
export function verify(headers: Record<string, string>, body: Buffer) {
  const sentAt = headers["webhook-timestamp"]
  const age = Math.abs(Date.now() / 1000 - Number(sentAt))
  if (!(age <= 300)) return false
  const wanted = createHmac("sha256", key)
    .update(\`\${headers["webhook-id"]}.\${sentAt}.\`)
    .update(body)
    .digest()
  // During a rotation there are several; one is enough.
  return headers["webhook-signature"].split(" ").some((one) => {
    const [version, text = ""] = one.split(",")
    const given = Buffer.from(text, "base64")
    if (version !== "v1" || given.length !== wanted.length) return false
    return timingSafeEqual(given, wanted)
  })
}`

const rust = `// cargo add base64 hmac sha2
use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::time::{SystemTime, UNIX_EPOCH};

/// The headers webhook-id, webhook-timestamp and webhook-signature,
/// and the bytes of the body as they were received.
fn verify(id: &str, sent_at: &str, given: &str, body: &[u8]) -> Option<bool> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    if now.as_secs().abs_diff(sent_at.parse().ok()?) > 300 {
        return Some(false);
    }
    let secret = std::env::var("${VARIABLE}").ok()?;
    let key = STANDARD.decode(secret.trim_start_matches("whsec_")).ok()?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
    mac.update(format!("{id}.{sent_at}.").as_bytes());
    mac.update(body);
    // During a rotation there are several; one is enough.
    let mut all = given.split(' ').filter_map(|one| one.strip_prefix("v1,"));
    Some(all.any(|one| {
        STANDARD.decode(one).is_ok_and(|sig| mac.clone().verify_slice(&sig).is_ok())
    }))
}`

export function sampleOf(language: Language): string {
  return { python, typescript, rust }[language]
}
