/**
 * The access token lives here and nowhere else: never in storage, so that a script injected into
 * another page of this origin finds nothing at rest. The refresh token is an HttpOnly cookie.
 */
let token: string | null = null

export const accessToken = {
  get: (): string | null => token,
  set: (value: string | null): void => {
    token = value
  },
}
