export default {
  title: '首页', hello_morning: '早上好，{name}', hello_afternoon: '下午好，{name}', hello_evening: '晚上好，{name}', hello_night: '夜深了，{name}',
  members: '成员', roles: '角色', departments: '部门', posts: '岗位', all: '查看全部',
  sign_ins: '最近 {n} 天登录', good: '成功', bad: '失败', no_sign_ins: '这段时间没有登录记录', sign_ins_cut: '仅统计最近 {n} 条。',
  audit: '最近操作', no_audit: '还没有操作记录', links: '快捷入口', link_users: '邀请成员', link_role: '新建角色', link_departments: '整理部门', link_keys: '我的 API 密钥', link_profile: '个人资料',
}
