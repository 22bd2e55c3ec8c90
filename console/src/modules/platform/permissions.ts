/** What platform administrators hold, and no role can carry. */
export const P = {
  userList: 'platform:user:list',
  userUpdate: 'platform:user:update',
  userAnonymize: 'platform:user:anonymize',
  organizationList: 'platform:organization:list',
  mailTest: 'platform:mail:test',
} as const
