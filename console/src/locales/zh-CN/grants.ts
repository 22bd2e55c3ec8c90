export default {
  title: '授权', text: '直接授予成员的每一项权限：谁持有、为什么、到什么时候。', create: '授予权限', give: '授予', revoke: '收回', search: '搜索成员姓名、用户名、邮箱', ends_before: '在此之前到期', within_days: '{n} 天内', empty_title: '还没有直接授予的权限', empty_text: '给成员授予权限，或从文件导入。角色带来的权限不在这里。',
  field: { user: '成员', permission: '权限', scope: '范围', scope_type: '范围类型', scope_id: '范围编号', module: '模块', action: '操作', expires_at: '到期', granted_by: '授予者', reason: '原因' },
  this_org: '本组织', inactive: '不能工作', deprecated: '已弃用', no_end: '无期限', ended: '已到期', ends: '{when}到期', days: '{n} 天', and: '、',
  open_access: '查看 {name} 的全部权限', open_who_can: '谁有这项权限', scope_id_hint: '例如 7',
  part_what: '什么权限', part_terms: '多久、为什么', end_help: '到期即失效，并自动收回。', reason_help: '会出现在“为什么有”和审计记录中。', no_people: '选择成员需要“identity:user:list”权限。', cannot_give_own: '授予或收回本组织自身的权限还需要“identity:user:grant”，而且您自己要有这项权限。', already: '这个成员已有这项权限：',
  result: { granted: '已授予', updated: '已更新授权', unchanged: '已是如此，没有变化' },
  giver: { user: '成员', program: '程序', system: '系统', unknown: '此前未记录' },
  revoke_label: '收回 {name} 的 {what}', revoke_confirm: '收回 {name} 的“{what}”吗？立即生效。', revoke_many_confirm: '收回选中的 {n} 项授权（涉及 {people} 人）吗？立即生效。', revoked: '已收回 {n} 项', revoked_partly: '已收回 {n} 项，{refused} 项被拒绝', still: '已收回，但仍可通过{by}使用这项权限', still_many: '已收回，但其中 {n} 项仍可通过角色或所有者身份使用',
  refused_title: '{n} 项未能收回',
  refused: { cannot_grant: '您自己没有这项权限，不能授予或收回', not_grantable: '这项权限不能授予', deprecated: '名称已弃用，不能再授予', unknown_scope_type: '没有这种范围类型', unknown_module: '没有这个模块', unknown_action: '没有这个操作', unknown_user: '没有这个成员', user_not_found: '没有这个成员', unknown_reference: '不存在，或您无权操作', invalid_format: '格式不正确', required: '不能为空', ambiguous: '不止一个成员匹配', in_the_past: '时间须在将来', repeated: '与前面的行重复', unknown_column: '没有这一列', missing_column: '缺少这一列', forbidden: '您没有权限这样做', inactive_user: '该成员不能工作', expired: '授权已到期', own_membership: '不能对自己这样做', owner_only: '只有所有者能改变所有者', permission_denied: '您没有权限这样做' },
  origin: { owner: '所有者', role_named: '角色“{name}”', grant: '直接授予', by_on: '{by} 于 {when}', until: '到 {when}' },
  import: {
    title: '导入授权', text: '选择 CSV 或 XLSX 文件，第一行为列名。先检查，没有错误才能导入；全部成功或全部不做。op 为 grant（默认）或 revoke；成员用 username、email、user_id 之一指明。', template: '下载空模板', line: '行', wrong: '{rows} 行中有 {lines} 行有问题，改正之前不会导入任何内容。', nothing: '文件中没有数据行。', fine: '检查通过，共 {rows} 行。导入后：', done: '导入完成，共 {rows} 行。',
    granted: '新授予', updated: '更新', revoked: '收回', unchanged: '不变', times: '{n} 处', by_line: '逐行列出的问题', more: '还有 {n} 行有问题',
  },
  who: {
    title: '谁有权限', text: '选择一项权限，看看谁能用、凭什么。', ask_title: '想查哪项权限？', ask_text: '在上面选好范围、模块和操作，结果立即显示。', nobody_title: '没有人有这项权限', nobody_text: '没有成员通过所有者身份、角色或直接授予拥有它。', search: '搜索姓名或邮箱', more: '再显示一些（还有 {n} 人）', capped: '只列出前 {n} 人，图表也只统计他们。', chart: '权限来源', people: '人可以', only: '只凭这一途径', also: '另有途径', bar: '人，其中 {only} 人别无途径',
  },
  access: {
    open: '全部权限与来源', title: '成员权限', text: '一个成员能做什么、为什么能。', ask_title: '想看谁的权限？', ask_text: '在右上角选择一个成员。', search: '搜索权限、模块、范围、角色、原因', by_kind: '按来源', kind: { all: '全部', owner: '所有者', role: '角色', grant: '直接授予' }, fact: { all: '权限', scopes: '范围', granted: '直接授予', ending: '7 天内到期' }, version: '版本', version_help: '其他系统看到的权限版本号', count: '{n} 项',
    owner: '所有者拥有本组织自身的全部权限，无需逐项授予。', inactive: '该成员已停用，目前什么都不能做。', empty_title: '没有任何权限', empty_text: '既没有角色，也没有直接授予的权限。',
  },
  copy: {
    open: '复制权限', title: '为 {name} 复制权限', text: '把另一个成员被直接授予的权限也授予这个成员。角色不会复制。', from: '复制自', same: '请选择另一个成员', scopes: '范围类型', all_scopes: '全部', keep: '保留到期时间', keep_help: '关闭后，复制的权限没有期限。', preview: '将会发生什么', added: '将授予 {n} 项', already: '另有 {n} 项本来就有。', refused: '{n} 项不能授予', has_all: '对方的授权这个成员都已拥有。', nothing: '对方没有直接授予的权限可以复制。', submit: '授予 {n} 项', done: '已为 {name} 授予 {n} 项',
  },
  offboard: {
    open: '离职处理', title: '{name} 离职', text: '收回全部授权和角色，结束会话，停用密钥，立即生效。记录会保留。', preview: '预览', fact: { grants: '授权', roles: '角色', sessions: '会话', api_keys: 'API 密钥' }, roles: '角色：', owner: '这个成员是所有者，处理后不再是。', nothing: '这个成员没有授权、角色、会话或密钥。', disable: '停用成员', disable_help: '此后不能登录本组织，直到重新启用。', keep_help: '仍是成员，可以登录，但没有任何权限。', reason_hint: '例如：合同到期', submit: '收回全部权限', done: '已收回 {name} 的全部权限',
  },
}
