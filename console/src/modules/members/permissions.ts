/** One place to match the server. */
export const P = {
  clientList: 'members:client:list',
  clientRead: 'members:client:read',
  clientCreate: 'members:client:create',
  clientUpdate: 'members:client:update',
  clientRotate: 'members:client:rotate',
  clientDelete: 'members:client:delete',
  clientCalls: 'members:client:calls',
  issuerList: 'members:issuer:list',
  issuerCreate: 'members:issuer:create',
  issuerCheck: 'members:issuer:check',
  issuerUpdate: 'members:issuer:update',
  issuerDelete: 'members:issuer:delete',
  grantList: 'members:grant:list',
  grantChange: 'members:grant:change',
  memberOffboard: 'members:member:offboard',
  /** Whoever lets a program act on permissions has to be able to do so himself. */
  grant: 'identity:user:grant',
} as const
