/** Permissions of actions that are more than list, read, create, update, delete: one place to match the server. */
export const P = {
  userRead: 'identity:user:read',
  userUpdate: 'identity:user:update',
  userDelete: 'identity:user:delete',
  userGrant: 'identity:user:grant',
  userReset: 'identity:user:reset',
  invitationList: 'identity:invitation:list',
  invitationCreate: 'identity:invitation:create',
  invitationRevoke: 'identity:invitation:revoke',
  sessionList: 'identity:session:list',
  sessionDelete: 'identity:session:delete',
  apiKeyDelete: 'identity:api_key:delete',
  organizationUpdate: 'identity:organization:update',
  auditSeals: 'identity:audit_seal:list',
  auditVerify: 'identity:audit_seal:verify',
  mailTest: 'platform:mail:test',
} as const
