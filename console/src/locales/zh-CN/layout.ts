export default {
  home: '首页', navigation: '导航', skip: '跳到主要内容', breadcrumbs: '面包屑', collapse: '收起侧栏', expand: '展开侧栏', language: '语言', organization: '组织', user_menu: '账号菜单', api_docs: 'API 文档',
  theme: { title: '外观', light: '浅色', dark: '深色', system: '跟随系统' },
  palette: { title: '命令面板', open: '搜索或跳转', placeholder: '输入页面或操作名称…', none: '没有匹配的结果', action: '操作', theme_light: '切换为浅色外观', theme_dark: '切换为深色外观', theme_system: '外观跟随系统' },
  shortcuts: {
    title: '键盘快捷键', anywhere: '任意页面', tables: '列表中', go: '快速跳转', palette: '打开命令面板', search: '聚焦搜索框', help: '显示快捷键', close: '关闭弹层', next: '下一行', previous: '上一行', open: '打开记录', select: '选择该行',
  },
  not_found: { title: '页面不存在', text: '您访问的地址不存在，或已被移动。' },
  found: { title: '新建组织', text: '您将成为新组织的所有者，并切换到其中。' },
  no_organization: { title: '您还不属于任何组织', text: '请联系管理员发送邀请，或创建一个新组织。', name: '组织名称', create: '创建组织', choose: '选择组织' },
}
