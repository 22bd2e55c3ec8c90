export default {
  cancel: '取消', confirm: '确定', confirm_title: '请确认', save: '保存', close: '关闭', edit: '编辑', view: '查看', delete: '删除', copy: '复制',
  copied: '已复制', copy_what: '复制{what}', copy_by_hand: '请按 Ctrl+C 复制选中的内容', choose: '请选择', choose_user: '选择成员', yes: '是', no: '否',
  just_now: '刚刚', loading: '正在加载', empty: '暂无数据', retry: '重试', error_title: '出错了', error_code: '错误码', request_id: '请求编号',
  forbidden_title: '没有权限', forbidden_text: '您没有查看此内容的权限。如有需要，请联系组织管理员。', back_home: '返回首页',
  type_to_confirm: '请输入“{word}”以确认',
}
