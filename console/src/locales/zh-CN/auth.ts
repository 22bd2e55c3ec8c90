export default {
  motto: '榫卯相合，不用一钉。一个程序，就是一套完整的后台。',
  username: '用户名', username_or_email: '用户名或邮箱', name: '姓名', email: '邮箱', password: '密码', new_password: '新密码', password_again: '再次输入密码',
  password_hint: '至少 {n} 个字符，越长越好；不需要特殊符号。', password_short: '至少 {n} 个字符', password_differs: '两次输入的密码不一致',
  back_to_sign_in: '返回登录', sign_out: '退出登录',
  sign_in: { title: '登录', text: '欢迎回来，请登录您的账号。', submit: '登录' },
  setup: {
    title: '初始化系统', text: '创建第一位管理员和第一个组织，只需一次。', organization: '组织名称', token: '初始化令牌', token_help: '由部署者在 SETUP_TOKEN 中设置，或见服务器启动日志。', submit: '完成初始化',
  },
  forgot: {
    title: '忘记密码', text: '输入账号邮箱，我们会发送重置链接。', link: '忘记密码？', submit: '发送重置链接', sent: '如果该邮箱属于某个账号，重置链接已经发出，请查收邮件。', no_mail: '尚未配置邮件服务，无法发送重置邮件。请联系管理员获取重置链接。',
  },
  reset: { title: '重置密码', submit: '设置新密码', done: '密码已重置，请使用新密码登录。', no_token: '链接不完整，请重新打开邮件中的链接。' },
  accept: {
    title: '接受邀请', text: '{inviter} 邀请您加入“{organization}”。', text_anonymous: '您被邀请加入“{organization}”。', until: '邀请发送至 {email}，有效期至 {time}。',
    as: '您将以“{name}”的身份加入。', join: '加入组织', existing: '这个邮箱已有账号，请先登录再接受邀请。', submit: '创建账号并加入', have_account: '已有账号？登录后加入',
  },
  confirm_email: { title: '确认邮箱', text: '请点击下方按钮确认您的邮箱地址。', submit: '确认邮箱', done: '邮箱已确认。' },
}
