/** Stands in until `npm run api` writes the real one from ../openapi.json. Nothing but client.ts reads it. */
// eslint-disable-next-line @typescript-eslint/no-empty-object-type
export interface paths {}
