export default {
  webhook_endpoint: {
    name: '名称', url: '接收地址', description: '说明', event_types: '事件', enabled: '启用', state: '状态', disabled_reason: '停用原因', last_success_at: '最近成功', last_failure_at: '最近失败', failing_since: '持续失败自', created_at: '创建时间', created_by: '创建人', updated_at: '修改时间', id: '编号',
    values: { disabled_reason: { by_hand: '手动停用', failing: '持续失败', gone: '接收方已不存在' }, state: { active: '正常', failing: '失败中', disabled: '已停用' } },
  },
  webhook_delivery: { event_type: '事件', endpoint_name: '端点', state: '状态', attempts: '次数', created_at: '发生于', finished_at: '结束于', next_at: '下次尝试', message_id: '消息编号', last_status: '结果' },
}
