export default {
  group: '平台管理',
  user: {
    title: '平台用户', text: '本平台的全部账号，不论属于哪个组织。', one: '账号', create: '', empty_title: '还没有账号', empty_text: '账号会在接受邀请或初始化时创建。',
    list_all: '全部', list_active: '正常', list_disabled: '已停用', list_administrators: '管理员', state_active: '正常', state_disabled: '已停用', state_anonymized: '已匿名化',
    email_help: '由您担保，新邮箱无需验证即可用于登录；旧邮箱会收到通知。', admin_text: '可以管理所有账号和组织，但看不到组织内部的数据。',
    promote: '设为平台管理员', promote_confirm: '确定将“{name}”设为平台管理员吗？此人将可以管理所有账号和组织。', demote: '取消平台管理员', demote_confirm: '确定取消“{name}”的平台管理员身份吗？', demote_self_confirm: '确定取消您自己的平台管理员身份吗？您将无法再打开这些页面。',
    disable: '停用', disable_title: '停用账号', disable_text: '立即结束其所有会话，在任何组织都无法登录；数据不变。', disable_confirm: '确定停用“{name}”的账号吗？其所有会话将立即结束。', disabled_done: '已停用“{name}”的账号',
    enable: '启用', enable_title: '启用账号', enable_text: '此人可以重新登录，权限与停用前相同。', enabled_done: '已启用“{name}”的账号',
    anonymize: '匿名化', anonymize_text: '永久清除姓名、邮箱和密码，结束会话和密钥，账号不能再用。审计记录保留。此操作无法撤销。', anonymized_done: '账号已匿名化', anonymized_text: '此账号的姓名和邮箱已被清除，不能再修改或启用。',
    locked_text: '登录失败次数过多而被锁定的账号稍后会自动解锁；服务器管理员可以立即解锁：', not_here: '当前列表中没有这个账号', not_here_text: '请在列表中搜索后再打开。',
  },
  organization: {
    title: '平台组织', text: '本平台的全部组织及其规模。', one: '组织', create: '', empty_title: '还没有组织', empty_text: '创建第一个组织，开始使用。',
    list_all: '全部', list_open: '正常', list_deleting: '待删除', deleting: '{time} 删除', here: '当前组织', enter: '切换到此组织',
  },
  system: {
    title: '系统设置', text: '邮件服务、运行状态与接口文档。', health: '运行状态', ready: '可以提供服务', not_ready: '无法提供服务', part_database: '数据库', part_database_text: '全部业务数据', part_kv: '键值存储', part_kv_text: '限流与缓存', part_ok: '正常',
    documents: '接口文档', documents_text: '接口的完整说明，可离线阅读，也可以用它生成客户端。', swagger: 'Swagger UI', redoc: 'ReDoc', openapi: 'OpenAPI 文件',
  },
  mail: {
    title: '邮件服务', on: '已配置', off: '未配置', on_text: '邀请、重置密码和确认邮箱的邮件通过 SMTP 发出。', off_text: '没有配置邮件服务器（{setting}），邮件不会发出，而是以文件形式保存在服务器的 {folder} 目录中。邀请和重置密码的链接可以在控制台中复制，自行转交。',
    send: '发送测试邮件', to: '发送至您的邮箱 {email}', no_address: '您的账号没有邮箱，请先添加', sent: '邮件服务器已接收发往 {email} 的测试邮件。如果没有收到，请检查垃圾邮件。', kept: '发往 {email} 的测试邮件已写入服务器的邮件目录，没有发出。',
  },
  route: {
    title: 'API 路由', text: '每个接口及其所需的权限；为 API 密钥选择权限时可以参考。', search: '按路径、说明或权限搜索', all: '全部', mine: '我可以调用', others: '我不能调用',
    method: '方法', path: '路径', summary: '说明', needs: '所需权限', access_public: '公开', access_signed_in: '登录即可', access_permission: '需要权限',
  },
}
