export default {
  member_client: { name: '名称', client_key: '客户端标识', api_key: 'API 密钥', key_prefix: '密钥前缀', active: '启用', scopes: '权限范围', may_grant: '可授予', allow_origins: '浏览器来源', allow_ips: '网络地址', allow_paths: '接口路径', calls_per_minute: '每分钟调用', expires_at: '到期时间', last_used_at: '最近使用', made_by: '创建人', created_at: '创建时间' },
  member_issuer: { name: '名称', issuer: '签发者', jwks_url: '公钥地址', audiences: '受众', algorithms: '签名算法', azp: '授权方', require_azp: '必须带授权方', active: '启用' },
}
