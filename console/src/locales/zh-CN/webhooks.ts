export default {
  group: 'Webhook',
  state: { all: '全部', active: '正常', failing: '失败中', disabled: '已停用', pending: '待送达', delivered: '已送达', failed: '未送达', held: '已搁置' },
  event_group: { permission: '权限', role: '角色', user: '用户', ping: '测试' },
  endpoint: {
    title: '接收端点', text: '组织里发生变化时，Tenon 会向这些地址发送经过签名的消息。', one: '接收端点', detail: '端点详情', create: '新建端点', empty_title: '还没有接收端点', empty_text: '新建端点后，权限和用户的变化会立即推送给您的系统。',
    url_help: '以 POST 发送 JSON，返回 2xx 即为送达；不跟随重定向，十秒内没有回应视为超时。', url_rule: '应为 https:// 或 http:// 开头的完整地址，且不含用户名和密码', plain_http: '没有 TLS：消息在途中可能被他人读取。', enabled_help: '停用后不再发送，新的消息会搁置。', secret_comes: '保存后会显示签名密钥，只显示一次。',
    all_events: '全部事件', only_events: '仅选定的', all_events_text: '所有事件都会发送，包括以后新增的种类。', none_chosen: '至少选择一种事件', lost_events: '已不存在的种类',
    since: '自', began: '{time}开始', reason: { by_hand: '已手动停用', failing: '因持续失败而停用', gone: '接收方已不存在' },
    reason_text: { by_hand: '停用期间的消息被搁置，重新启用后可以用“重放”补发。', failing: '连续五天没有一次成功，已自动停用。请修复接收方，再重新启用；搁置的消息可以用“重放”补发。', gone: '接收方回答了 410（不再存在），已自动停用。请更正地址，再重新启用。' },
    failing: '最近的尝试全部失败', failing_text: '消息仍会按间隔重试。连续失败满五天，端点会自动停用。', enable: '重新启用', enabled: '“{name}”已启用', delete_confirm: '删除“{name}”吗？将立即停止发送，可以从回收站恢复。',
    health: '健康状况', details: '详情', verify: '验证签名', verify_text: '每条消息都带有 Standard Webhooks 签名。接收方应先验证，再相信其内容；同一条消息可能不止一次送达，请以 webhook-id 去重。', verify_note: '示例从环境变量读取密钥：',
  },
  secret: {
    title: '签名密钥', plural: '签名密钥', made: '“{name}”的签名密钥', rotated: '“{name}”的新签名密钥', once: '密钥只在此刻显示一次，关闭后无法再查看。请现在复制并妥善保存。', previous_until: '原来的密钥同时签名，直到', previous_ended: '原来的密钥已不再签名。', kept: '我已保存', created: '创建于', signs_until: '同时签名，直到',
  },
  rotate: {
    action: '轮换密钥', title: '轮换“{name}”的签名密钥', text: '生成一个新密钥并显示一次。在重叠期内，每条消息同时带有新旧两个签名，接收方可以从容更换。', overlap: '旧密钥继续签名', hours_unit: '小时（0 到 168）', overlap_at_once: '立即停止', overlap_hours: '{n} 小时', overlap_days: '{n} 天', at_once: '旧密钥立即停止签名，仍使用它的接收方会拒绝之后的消息。', until: '旧密钥同时签名，直到 {time}。', submit: '轮换密钥',
  },
  ping: { submit: '发送测试', title: '测试“{name}”', sending: '正在发送…', sent: '已发送。', again: '再发一次', open: '查看这次投递' },
  replay: {
    action: '重放', title: '向“{name}”重放消息', text: '把一段时间内的消息再发送一次。消息编号不变，接收方可据此去重。最多可以回溯 30 天。', since: '从', until: '到', now: '现在', last_hour: '最近 1 小时', last_day: '最近 1 天', last_days: '最近 {n} 天', events: '事件', all_events: '端点接收的全部事件', which: '哪些消息', only_failed: '仅未送达的', all: '全部', only_failed_text: '只重发未送达和被搁置的消息。', all_text: '已送达的消息也会再发送一次。', submit: '重放',
    problem: { missing: '请选择开始时间', too_old: '超过 30 天的消息已不再保留', future: '必须早于现在', order: '必须晚于开始时间' }, begun: '正在重放 {n} 条消息', nothing: '这段时间内没有符合条件的消息', to_deliveries: '查看投递记录', to_job: '查看任务',
  },
  delivery: {
    title: '投递记录', text: '每条消息发往每个端点的经过：何时尝试、对方如何回答、接下来何时再试。', one: '投递详情', empty_title: '还没有投递', empty_text: '有了接收端点，发生的事件就会出现在这里；也可以先发送一条测试消息。', recent: '最近的投递', none_yet: '还没有投递。发送一条测试消息试试。', result: '结果', from: '发生于（起）', to: '发生于（止）',
    again: '重新投递', again_done: '已重新排队', endpoint_gone: '端点已删除', live: '实时', next_in: '{time}后重试', now: '正在尝试', http: 'HTTP {status}', answered: '对方回答 {status}，用时 {time}', status_was: '对方回答 {status}', round: '本轮已尝试 {n} 次，最多 {max} 次',
    mark: { good: '成功', lost: '失败', next: '下一次', open: '未用', spared: '不需要' }, state_text: { failed: '全部尝试都失败了', held: '端点停用期间搁置', delivered: '已送达' },
    error: { status: '未回答 2xx', timeout: '超时', unreachable: '无法连接', refused: '不允许连接到这个地址', invalid: '回答无效' },
    tries: '各次尝试', no_tries: '还没有尝试。', nth: '第 {n} 次', new_round: '新一轮', fold: '收起', unfold: '展开', response: '对方的回答', no_response: '没有正文。', body: '消息正文', readable: '易读', as_sent: '原文', body_text: '签名按原文的字节计算。', message_id_text: '接收方在 webhook-id 请求头中看到的编号，重新投递时不变。',
  },
}
