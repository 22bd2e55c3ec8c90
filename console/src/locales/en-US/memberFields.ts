import type zhCN from '../zh-CN/memberFields'

const messages: typeof zhCN = {
  member_client: { name: 'Name', client_key: 'Client key', api_key: 'API key', key_prefix: 'Key prefix', active: 'Active', scopes: 'Scopes', may_grant: 'May grant', allow_origins: 'Browser origins', allow_ips: 'Networks', allow_paths: 'Paths', calls_per_minute: 'Calls per minute', expires_at: 'Expires', last_used_at: 'Last used', made_by: 'Made by', created_at: 'Created' },
  member_issuer: { name: 'Name', issuer: 'Issuer', jwks_url: 'URL of the keys', audiences: 'Audiences', algorithms: 'Algorithms', azp: 'Authorised parties', require_azp: 'Require an authorised party', active: 'Active' },
}
export default messages
