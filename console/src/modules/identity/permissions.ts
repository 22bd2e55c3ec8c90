/** Permissions of actions that are more than list, read, create, update, delete: one place to match the server. */
export const P = {
  userUpdate: 'identity:user:update',
  userDelete: 'identity:user:delete',
  userGrants: 'identity:user:grants',
  userAccess: 'identity:user:access',
  userSessions: 'identity:user:sessions',
  userEndSessions: 'identity:user:end_sessions',
  userSendReset: 'identity:user:send_reset',
  invitationList: 'identity:invitation:list',
  invitationCreate: 'identity:invitation:create',
  invitationResend: 'identity:invitation:resend',
  invitationRevoke: 'identity:invitation:revoke',
  sessionDelete: 'identity:session:delete',
  organizationUpdate: 'identity:organization:update',
} as const
