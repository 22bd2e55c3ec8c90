export default {
  job: {
    kind: '任务', state: '状态', progress: '进度', attempt: '尝试', run_at: '运行时间', queue: '队列', priority: '优先级', finished_at: '结束时间', unique_key: '唯一键', worker: '工作进程', tag: '标签', tags: '标签', schedule_id: '计划', scheduled_for: '计划时间', max_attempts: '最多尝试', lease_until: '租约至', waits: '等待', error: '错误', result: '结果', org_id: '组织', args: '参数', started_at: '开始时间',
  },
  schedule: {
    name: '名称', description: '说明', kind: '重复方式', expression: '时间', every_seconds: '间隔', at: '时间点', time_zone: '时区', starts_at: '开始于', ends_at: '结束于', jitter_seconds: '随机推迟（秒）', misfire: '错过时', misfire_limit: '最多补运行', overlap: '上一次未结束时', job_kind: '任务类型', args: '参数', queue: '队列', priority: '优先级', enabled: '启用', source: '来源', next_at: '下次运行', last_at: '上次运行', runs: '运行次数', last_state: '上次结果',
    values: { kind: { cron: '日历', interval: '间隔', once: '一次' }, source: { user: '用户', code: '代码' }, misfire: { skip: '跳过', once: '补一次', all: '全部补上' }, overlap: { skip: '跳过', queue: '排队', allow: '同时运行' } },
  },
  job_alert: {
    name: '名称', metric: '指标', threshold: '阈值', channel: '通知方式', target: '通知对象', enabled: '启用', quiet_minutes: '静默时间', last_fired_at: '上次通知', last_value: '当前值',
    values: { metric: { oldest_ready_seconds: '最久的等待', dead_count: '最终失败的任务', missed_ticks: '错过的计划', ids_low: '号段告急' }, channel: { mail: '邮件', webhook: 'Webhook' } },
  },
}
