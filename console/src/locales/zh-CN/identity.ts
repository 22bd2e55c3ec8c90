export default {
  group: '组织与权限', group_security: '安全与审计',
  user: {
    title: '成员', text: '属于本组织的人，以及他们的角色、部门和岗位。', one: '成员', create: '邀请成员', empty_title: '还没有其他成员', empty_text: '邀请同事加入，一起开始工作。',
    tab_members: '成员', tab_access: '实际权限', tab_sessions: '会话', you: '您', remove: '移除', removed: '已移除', remove_confirm: '确定将“{name}”移出本组织吗？其账号不会被删除。',
    state_active: '正常', state_inactive: '已停用', state_disabled: '账号停用',
    send_reset: '发送重置密码链接', send_reset_confirm: '确定向“{name}”发送重置密码链接吗？', reset_sent: '重置链接已发送', reset_link: '重置链接',
    grants: '直接授权', grants_text: '除角色之外，直接授予此人的权限。', may: '可以做什么', because: '原因', because_role: '角色：{name}', because_grant: '直接授权', because_owner: '组织所有者',
    owner_access: '组织所有者拥有全部权限。', no_access: '没有任何权限', no_access_text: '分配角色后即可获得权限。',
  },
  invitation: {
    title: '邀请', all: '全部', create: '邀请成员', send: '发送邀请', sent: '邀请已发送至 {email}', resend: '重新发送', resent: '已重新发送', revoke: '撤销', revoked: '已撤销', revoke_confirm: '确定撤销发给 {email} 的邀请吗？',
    link: '邀请链接', link_text: '尚未配置邮件服务。请复制下面的链接，自行发送给 {email}；链接只显示这一次。', no_mail: '尚未配置邮件服务：邀请和重置密码不会发送邮件，需要您复制链接自行转交。',
    empty_title: '没有邀请', empty_text: '邀请会在发送后显示在这里。',
  },
  role: {
    title: '角色', text: '角色决定成员可以做什么，以及能看到哪些数据。', one: '角色', create: '新建角色', empty_title: '还没有角色', empty_text: '新建角色，选择权限，再分配给成员。',
    copy: '复制角色', copy_name: '{name} 副本', members: '拥有此角色的成员', no_members: '还没有成员', no_members_text: '在成员页面分配此角色。', built_in: '内置', built_in_help: '这是内置角色，部分内容可能无法修改。', code_help: '小写字母、数字和下划线',
    scope_help: { all: '可以看到组织的全部数据。', departments: '只能看到下面选中部门的数据。', department: '只能看到自己部门的数据。', department_and_below: '可以看到自己部门及所有下级部门的数据。', self: '只能看到自己的数据。' },
  },
  permission: {
    search: '搜索权限', chosen: '已选 {n} / {total}', modules: { identity: '组织与权限', platform: '平台', crm: '客户管理', jobs: '任务与计划', ids: 'ID 服务' },
    actions: { list: '列表', read: '查看', create: '新建', update: '修改', delete: '删除', purge: '永久删除', export: '导出', import: '导入', grant: '直接授权', reset: '重置密码', revoke: '撤销', initialize: '初始化', allocate: '取号', operate: '隔离与检查' },
  },
  department: {
    title: '部门', text: '组织的层级结构，决定数据范围。', one: '部门', create: '新建部门', add_child: '添加下级', root: '无（顶级部门）', move_help: '更改上级即可移动部门及其全部下级。', empty_title: '还没有部门', empty_text: '从顶级部门开始搭建组织结构。',
  },
  post: { title: '岗位', text: '成员担任的岗位。', one: '岗位', create: '新建岗位', empty_title: '还没有岗位', empty_text: '新建岗位，或从表格导入。' },
  menu: {
    title: '菜单', text: '调整侧边栏的顺序、名称、分组和可见性；没有列出的页面按默认位置显示。', one: '菜单', create: '新建菜单', add_child: '添加菜单', root: '无（顶级）', permission_help: '没有该权限的人看不到此菜单。', empty_title: '没有自定义菜单', empty_text: '侧边栏正使用默认菜单。',
  },
  audit: {
    title: '审计日志', text: '谁在什么时候改了什么。', one: '审计记录', create: '', empty_title: '还没有记录', empty_text: '成员的操作会记录在这里。', from: '开始时间', to: '结束时间', changes: '修改内容', no_changes: '没有记录字段变化。', before: '修改前', after: '修改后', sentence: '{verb}{noun}',
    verbs: {
      offboard: '离职处理', expire: '到期收回', refused: '拒绝', verify: '核验', ping: '测试', replay: '重放', redeliver: '重新投递', rotate_secret: '轮换密钥', create: '新建', created: '新建', update: '修改', updated: '修改', delete: '删除', deleted: '删除', purge: '永久删除', restore: '恢复', copy: '复制', import: '导入', export: '导出', bulk: '批量处理', patch: '修改', login: '登录', sign_in: '登录', logout: '退出', sign_out: '退出', invite: '邀请', accept: '接受', resend: '重新发送', revoke: '撤销', rotate: '轮换', transfer: '移交', leave: '离开', grant: '授权', grants: '授权', switch: '切换', reset: '重置', change: '更改', confirm: '确认', end: '结束', anonymize: '匿名化', init: '初始化', remove: '移除', add: '添加', send_reset: '发送重置链接', request: '申请更改', retry: '重试', cancel: '取消', run: '运行', run_again: '再次运行', pause: '暂停', resume: '恢复', enable: '启用', unlock: '解锁', disable: '停用或启用', raise: '提高', rename: '改名', return: '归还', quarantine: '隔离', release: '放行', check: '检查', retire: '停用', revive: '恢复', approve: '批准', approve_all: '全部批准', ignore: '忽略', initialize: '初始化', plan: '试运行', test: '测试', allocate: '取号',
    },
    nouns: { audit_seal: '审计封存', client: '接入程序', issuer: '登录来源', endpoint: 'Webhook 端点', delivery: 'Webhook 投递', user: '成员', member: '成员', membership: '成员', role: '角色', department: '部门', post: '岗位', menu: '菜单', organization: '组织', invitation: '邀请', session: '会话', api_key: 'API 密钥', password: '密码', email: '邮箱', sign_in: '登录日志', audit_entry: '审计日志', system: '系统', grant: '授权', permission: '权限', platform_user: '平台用户', job: '任务', schedule: '计划', job_alert: '任务告警', job_kind: '任务类型', queue: '队列', profile: '个人资料', database: '数据库', table: '发现的表', key: '键', generator: '生成器', id_database: '数据库', id_table: '发现的表', id_key: '键', id_generator: '生成器' },
    actions: { identity_session_reuse: '令牌被重复使用，会话已结束', identity_session_agent_mismatch: '令牌被另一客户端使用，会话已结束', identity_user_platform_admin: '更改平台管理员身份' },
    seal: {
      title: '封存链', text: '每条记录都与前一条相连，每天结束时封存。封存之后的任何改动，核验时都会显现。', sealed: '已封存', unsealed: '尚未封存', last: '最近封存', verified: '最近核验', standing: { sound: '完好', broken: '不符', unknown: '尚未核验' },
      verify: '立即核验', going: '正在核验：已核对 {days} 天的 {entries} 条记录', stop: '停止核验', range: '只核验这些天', from: '开始日期', to: '结束日期', of_range: '范围：{from} 至 {to}。', since: '范围：{from} 起。', older: '更早的日期', expected: '与抄存的封印比对', expected_help: '填写以前抄存的封印，可以发现末尾的记录是否被整段删去；此时核验到最后一天。', hash_rule: '应为 64 位十六进制数字', head_found: '抄存的封印仍在链中。', pruned_days: '其中 {n} 天的记录已到期清理，只核对封印。', days: '查看各天',
      sound: '审计记录完好', sound_text: '已核对 {days} 天的 {entries} 条记录，与封存时一致。', broken: '审计记录与封印不符', broken_text: '已核对 {days} 天的 {entries} 条记录，发现 {n} 处不一致。', rest: '另有 {n} 条较新的记录尚未封存，不在核验之列。', unfinished: '核验没有进行到最后。', late: '部分记录封存得晚', late_text: '这些天的记录在写入一小时之后才封存：当时没有后台进程在运行，或者有人删去封存链后重新生成。', late_day: '{n} 条记录，最早封存于 {time}', more: '只列出前 {n} 处。', open_entry: '查看记录', head: '最新封印', head_text: '抄存到别处，日后比对即可确认整条链没有被重写。',
      kind: { changed: '记录被修改', removed: '记录被删除', inserted: '记录被插入', seal_changed: '封印被修改', head_missing: '找不到抄存的封印' },
      kind_text: { changed: '这条记录的内容与封存时不同。', removed: '封存时存在的记录现在找不到了。', inserted: '这条记录在封存时并不存在。', seal_changed: '这一天的封印与其内容或前一天对不上。', head_missing: '抄存之后，末尾的记录被整段删去，或整条链被重写。' },
      days_title: '各天的封存', days_text: '按 UTC 日期。每一天的封印包含前一天的封印，因此改动任何一天都会影响其后的全部。', no_days: '还没有封存的日期', no_days_text: '第一条审计记录之后，当天会出现在这里。', day: '日期', state_head: '状态', entries: '记录数', hash: '封印', state: { open: '进行中', closed: '已封存' }, growing: '仍在增加', pruned: '记录已到期清理，封印保留',
    },
  },
  sign_in: { title: '登录日志', text: '成功和失败的登录。', one: '登录', create: '', empty_title: '还没有登录记录', empty_text: '登录会记录在这里。' },
  session: {
    title: '在线会话', text: '此刻在本组织登录的人。', current: '当前', last_seen: '最近活动', since: '登录时间', end: '下线', ended: '会话已结束', end_confirm: '确定让此会话下线吗？', end_all: '全部下线', end_all_confirm: '确定让此人的所有会话下线吗？', everywhere: '在所有设备上退出', everywhere_confirm: '确定在所有设备上退出吗？包括当前浏览器。', empty_title: '没有在线会话',
  },
  organization: {
    title: '组织设置', text: '当前组织的名称、所有权和数据。', general: '基本信息', name: '组织名称', slug: '标识', mail_folder: '邮件保存在服务器的 DATA_DIR/outbox 目录中。', export: '导出全部数据', export_text: '下载本组织的全部数据（NDJSON，每行一条记录）。',
    danger: '危险操作', transfer: '移交所有权', transfer_text: '新所有者将拥有全部权限。', transfer_confirm: '确定移交所有权吗？您将不再是所有者。', transferred: '所有权已移交', leave: '离开组织', leave_text: '离开后您将无法访问该组织的数据。', leave_confirm: '确定离开“{name}”吗？', left: '您已离开该组织',
    delete: '删除组织', delete_text: '组织将在 30 天后被永久删除，在此之前可以恢复。', deleted: '组织已安排删除', scheduled: '此组织已安排删除（{time}）。',
  },
  profile: {
    title: '个人资料', basics: '基本信息', security: '密码与邮箱', sessions: '登录的设备', keys: 'API 密钥', time_zone: '时区', time_zone_help: '所有时间按此时区显示；留空则使用浏览器的时区。',
    change_password: '修改密码', current_password: '当前密码', password_changed: '密码已修改', end_others: '同时退出其他设备', change_email: '修改邮箱', new_email: '新邮箱', send_link: '发送确认链接', email_sent: '确认链接已发送至 {email}', verified: '已验证', unverified: '未验证',
  },
  api_key: {
    title: 'API 密钥', text: '本组织成员的密钥。密钥属于创建它的人，能做的事永远不超过此人。', own_text: '个人访问令牌，供脚本和其他服务以您的身份调用 API。', one: 'API 密钥', create: '新建密钥', name: '名称', name_help: '说明用途，例如“备份脚本”', scopes: '范围', expires_at: '有效期至', last_used_at: '最近使用', unused: '从未使用', never: '永不过期', expired: '已过期', soon: '即将过期', days: '{n} 天', all_scopes: '我的全部权限', some_scopes: '只给部分权限', owners_scopes: '所有者的全部权限', owners_scopes_text: '没有单独限制：所有者此刻能做的，这个密钥都能做。', scope_count: '{n} 项权限',
    once: '“{name}”的密钥只显示这一次，请立即复制保存。', try: '试一试：', kept: '我已保存', rotate: '轮换', rotate_confirm: '确定轮换“{name}”吗？旧密钥将立即失效。', revoke: '吊销', revoked: '密钥已吊销', revoke_confirm: '确定吊销“{name}”吗？使用它的程序将立即无法访问。', empty_title: '还没有密钥', empty_text: '新建密钥，让脚本代您调用 API。', not_here: '当前列表中没有这个密钥', not_here_text: '它可能已被吊销，或在列表的另一页。',
  },
}
