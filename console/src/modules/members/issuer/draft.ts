import { USUAL_ALGORITHMS, type IssuerDraft, type MemberIssuer } from '../types'

export function draftOf(old: MemberIssuer | null): IssuerDraft {
  return old ? bodyOf(old) : { name: '', issuer: '', jwks_url: null, audiences: [], algorithms: [...USUAL_ALGORITHMS], azp: [], require_azp: false, active: true }
}

/** A change replaces the whole: what is left out would become what is usual. The issuer itself is sent to the byte. */
export function bodyOf({ name, issuer, jwks_url, audiences, algorithms, azp, require_azp, active }: IssuerDraft): IssuerDraft {
  return { name: name.trim(), issuer, jwks_url: jwks_url?.trim() || null, audiences: [...audiences], algorithms: [...algorithms], azp: [...azp], require_azp, active }
}
