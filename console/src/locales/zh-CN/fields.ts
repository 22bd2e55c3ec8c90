export default {
  common: {
    id: '编号', name: '名称', code: '编码', sort: '排序', status: '状态', remark: '备注', description: '说明', created_at: '创建时间', updated_at: '更新时间', created_by: '创建人', updated_by: '更新人', deleted_at: '删除时间', version: '版本', email: '邮箱', phone: '电话', department_id: '部门',
    values: { status: { enabled: '启用', disabled: '停用' }, boolean: { true: '是', false: '否' }, null: { true: '为空', false: '不为空' } },
  },
  post: { name: '岗位名称', code: '岗位编码' },
  department: { name: '部门名称', code: '部门编码', parent_id: '上级部门', parent_name: '上级部门', leader_id: '负责人', member_count: '成员数' },
  role: {
    name: '角色名称', code: '角色编码', data_scope: '数据范围', permissions: '权限', department_ids: '可见部门', member_count: '成员数', built_in: '内置',
    values: { data_scope: { all: '全部数据', departments: '指定部门', department: '本部门', department_and_below: '本部门及下级', self: '仅本人' } },
  },
  menu: {
    title: '标题', kind: '类型', target: '目标', title_zh: '中文标题', title_en: '英文标题', parent_id: '上级分组', page: '页面', url: '链接', icon: '图标', hidden: '隐藏', permission: '所需权限',
    values: { kind: { group: '分组', page: '页面', link: '链接' } },
  },
  user: {
    name: '姓名', username: '用户名', active: '状态', disabled: '账号已停用', is_owner: '所有者', is_platform_admin: '平台管理员', department_id: '部门', department_name: '部门', post_ids: '岗位', role_ids: '角色', roles: '角色', title: '头衔', last_sign_in_at: '最近登录', joined_at: '加入时间',
  },
  platform_user: { name: '姓名', username: '用户名', is_platform_admin: '平台管理员', last_sign_in_at: '最近登录', created_at: '创建时间' },
  platform_organization: { name: '组织', slug: '标识', member_count: '成员数', created_at: '创建时间', deleting_at: '删除时间' },
  api_key: { name: '名称', prefix: '开头', user_id: '所有者', user_name: '所有者', scopes: '范围', expires_at: '有效期至', last_used_at: '最近使用', created_at: '创建时间' },
  invitation: { email: '邮箱', expires_at: '有效期至', values: { status: { pending: '待接受', accepted: '已接受', revoked: '已撤销', expired: '已过期' } } },
  audit: {
    at: '时间', actor_id: '操作者', actor_name: '操作者', actor_kind: '身份', action: '操作', target_type: '对象类型', target_id: '对象编号', target_name: '对象', outcome: '结果', ip: 'IP 地址', user_agent: '客户端', request_id: '请求编号',
    values: { actor_kind: { user: '用户', api_key: 'API 密钥', cli: '命令行', system: '系统' }, outcome: { ok: '成功', denied: '被拒绝', failed: '失败' } },
  },
  sign_in: {
    at: '时间', username: '用户', user_id: '用户编号', outcome: '结果', reason: '原因', ip: 'IP 地址', user_agent: '客户端',
    values: {
      outcome: { ok: '成功', success: '成功', failed: '失败', denied: '被拒绝', locked: '已锁定' },
      reason: { password: '密码错误', wrong_password: '密码错误', unknown_user: '用户不存在', disabled: '账号已停用', inactive: '成员已停用', locked: '账号被锁定', no_membership: '不属于任何组织', invitation: '接受邀请', setup: '初始化', replay: '令牌重放', user_agent: '客户端不符' },
    },
  },
}
