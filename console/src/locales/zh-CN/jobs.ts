export default {
  group: '任务与计划', group_platform: '任务运维',
  state: {
    all: '全部', several: '点击只看此状态，按住 Shift 点击可多选', scheduled: '排期中', ready: '就绪', running: '运行中', failed: '将重试', dead: '已失败', succeeded: '成功', cancelled: '已取消', cancelling: '正在取消',
  },
  outcome: { succeeded: '成功', failed: '失败后重试', dead: '最终失败', cancelled: '取消' },
  watching: { connecting: '正在连接', live: '实时', polling: '定时刷新', over: '' },
  progress: { title: '进度', of: '{done} / {total}', done: '已处理 {done}', percent: '{n}%', note: { check: '正在检查各行', import: '正在写入', undo: '正在撤回', export: '正在读取', read: '正在读取数据库', apply: '正在建立计数器' } },
  chart: { keys: '用左右方向键查看每个时间点的数值', time: '时间', p50: '中位数', p95: '95 百分位' },
  overview: {
    title: '概览', show: '显示概览', hide: '隐藏概览', range: '时间范围', hours_1: '1 小时', hours_24: '24 小时', hours_168: '7 天',
    done: '成功', rate: '成功率', retried: '失败后重试', dead: '最终失败', oldest: '最久的等待', finished: '完成的任务', wait: '等待时间', run: '运行时间', kinds: '按类型', no_kinds: '这段时间没有完成的任务', only: '只看 {kind}',
  },
  job: {
    title: '任务', text: '在后台执行的工作：正在做的、等着做的和做完的。', one: '任务详情', create: '新建任务', created: '任务已创建', submit: '开始',
    empty_title: '还没有任务', empty_text: '任务由计划、导入导出或您自己创建，创建后会显示在这里。', search: '类型、标签、参数', mine: '只看我的', from: '创建于（起）', to: '创建于（止）', only_tag: '只看标签“{tag}”',
    duration: '用时', details: '详情', last_error: '上一次的错误', waits: '还在等待 {n} 个任务',
    when: '何时开始', when_now: '立即', when_later: '稍后', when_at: '指定时间', delay: '秒之后', more: '更多选项', priority_help: '数字越大越先执行', unique_help: '同一个键只能有一个未完成的任务', tags_help: '输入后按回车',
  },
  kind: {
    title: '任务类型', text: '产品能执行的全部任务类型，以及完成后保留多久。', choose: '选择任务类型', choose_first: '先选择任务类型，再填写参数。', group_organization: '组织任务', group_platform: '平台任务', group_dev: '开发用',
    audience: '使用范围', audience_organization: '组织', audience_platform: '平台', audience_internal: '内部', timeout: '时限', retention: '保留', days: '{n} 天', dev_only: '仅开发环境', reset: '恢复默认', own: '默认 {n} 天',
  },
  args: {
    title: '参数', how: '填写方式', form: '表单', json: 'JSON', none: '没有参数。', add: '添加', remove: '移除', set: '填写', unset: '不填写', map_name: '名称', map_value: '值', secret_kept: '保密内容，保持不变', secret_replace: '更换',
    json_good: '格式正确', json_empty: '未填写', json_tidy: '整理格式', json_bad: 'JSON 格式错误：{message}', json_bad_at: '第 {line} 行第 {column} 列：{message}',
  },
  action: {
    retry: '重试', retry_now: '立即重试', retried: '已重新排队', cancel: '取消任务', cancelled: '已取消', cancel_asked: '已请求停止', cancel_confirm: '确定取消此任务吗？', cancel_running_confirm: '任务正在运行，确定让它停止吗？', delete_confirm: '确定删除此任务及其日志和文件吗？此操作无法撤销。',
    again: '再次运行', again_text: '以这些参数新建一个同样的任务，原任务不受影响。',
  },
  bulk: {
    retry: '重试', cancel: '取消任务', delete: '删除', confirm_retry: '确定重试选中的 {n} 个任务吗？', confirm_cancel: '确定取消选中的 {n} 个任务吗？', confirm_delete: '确定删除选中的 {n} 个任务吗？此操作无法撤销。', partly: '{ok} 个已处理，{failed} 个不适用或失败（每次最多 1,000 个）',
  },
  timing: { created: '创建', due: '应运行', started: '开始', finished: '结束', in: '{time}后', waited: '等待了 {time}', waiting: '已等待 {time}', running: '已运行 {time}', ran: '运行了 {time}' },
  attempt: {
    title: '失败的尝试', nth: '第 {n} 次', of: '第 {n} 次，最多 {max} 次', none: '还没有失败的尝试。', first_go: '没有失败过。', fence: '令牌 {n}', fence_help: '每次领取任务时递增的编号', fold: '收起',
    outcome: { failed: '出错', timed_out: '超时', panicked: '崩溃', lost: '失去联系', cancelled: '被取消', handed_back: '已交还' },
  },
  logs: { title: '日志', count: '{n} 行', follow: '跟随', problems: '只看问题（{n}）', save: '保存日志', none: '没有日志。', none_yet: '还没有日志。' },
  file: { title: '文件', until: '过期：', download: '下载', get: '下载 {name}' },
  schedule: {
    title: '计划', text: '在指定的时间自动创建任务。修改在一秒内生效。', one: '计划', create: '新建计划', empty_title: '还没有计划', empty_text: '新建计划，让重复的工作自动进行。',
    when: '时间', what: '任务', rules: '规则', on: '按时运行', off: '已暂停', kind: { cron: '日历', interval: '间隔', once: '一次' }, unit: '单位', unit_seconds: '秒', unit_minutes: '分钟', unit_hours: '小时', unit_days: '天',
    at_once: '立即', never: '不结束', every: '每 {time}', once_at: '{time}，一次', paused: '已暂停', over: '不再运行', due: '就在此刻', next_title: '按 {zone} 的时间；您的时间：{own}', last_open: '打开上一次的任务', missed: '错过 {n} 次',
    run_now: '立即运行', started: '任务已创建', enabled: '已启用', disabled: '已暂停', source_code: '代码', locked: '此计划由代码声明，只能在这里启用或暂停。',
    misfire: { skip: '跳过', once: '补一次', all: '全部补上' },
    misfire_text: { skip: '错过就错过，等下一个时间。', once: '恢复后立即补运行一次，无论错过了多少次。', all: '错过的每一次都补上，但不超过下面的上限。' },
    overlap: { skip: '跳过', queue: '排队', allow: '同时运行' },
    overlap_text: { skip: '上一次还没结束时，这一次不运行。', queue: '等上一次结束后再运行。', allow: '不管上一次，照常开始。' },
    jitter_help: '每次随机推迟最多这么多秒，避免同时开始', queue_help: '留空则使用任务类型自己的队列',
  },
  cron: {
    how: '时间的写法', every: '每', at: '于', at_minute: '分钟数', on_day: '在', day: '{n} 日', last_day: '最后一天', unit_seconds: '秒', unit_minutes: '分钟', unit_hourly: '小时',
    mode: { seconds: '按秒', minutes: '按分钟', hourly: '按小时', daily: '每天', weekly: '每周', monthly: '每月', custom: '自定义' },
    field: { second: '秒', minute: '分', hour: '时', day: '日', month: '月', weekday: '星期', year: '年' },
    help: '五段为标准 cron（星期日为 0 或 7）；六段或七段为 Quartz（含秒和年，支持 L、W、# 和 ?，星期日为 1）。',
  },
  preview: { title: '接下来的十次', incomplete: '填写时间后，这里会显示接下来的运行时间。', never: '不会再运行。', wrong: '请检查填写的时间。', yours: '您的时间（{zone}）', away: '距现在', first: '第一次：{time}', shift: '时钟在此之前调整' },
  history: { title: '运行记录', counts: '运行 {runs} 次 · 错过 {missed} 次 · 跳过 {skipped} 次', none: '还没有运行过。', chart: '最近运行的用时和结果' },
  alert: {
    title: '任务告警', text: '任务积压或失败时，用邮件或 Webhook 通知。每分钟检查一次。', one: '告警', create: '新建告警', empty_title: '还没有告警', empty_text: '新建告警，问题一出现就知道。',
    metric: { oldest_ready_seconds: '就绪的任务中，最早的一个已经等了多久。', dead_count: '用尽重试次数、不会再自动运行的任务数量。', missed_ticks: '计划没有按时运行的次数。', ids_low: '30 天内将用尽、已用尽或被隔离的号段数量。' },
    unit: { oldest_ready_seconds: '秒', dead_count: '个', missed_ticks: '次', ids_low: '个' }, target: { mail: '收件地址', webhook: 'Webhook 地址' },
    target_help: { mail: '通知发送到这个邮箱。', webhook: '以 POST 发送 JSON，包含告警、指标、数值和阈值。' }, quiet_help: '通知一次之后，这段时间内不再重复', minutes: '分钟',
  },
  queue: {
    title: '队列', text: '每个队列的积压、吞吐和延迟。', open: '正常', paused: '已暂停', pause: '暂停', resume: '恢复', paused_done: '已暂停', resumed: '已恢复', pause_confirm: '确定暂停队列“{name}”吗？正在运行的任务会继续，新的任务不会开始，直到恢复为止。',
    depth: '积压', throughput: '吞吐', latency: '等待（95%）', failure: '失败率', nothing_waits: '无积压', oldest: '最久 {time}', per_minute: '每分钟完成', median: '中位数 {time}', of_finished: '占完成的任务', trend: '{what}的变化', empty_title: '还没有队列', empty_text: '第一个任务创建后，队列会显示在这里。', note: '数值取自最近 10 分钟；曲线从打开此页开始记录。',
  },
  worker: {
    title: '工作进程', text: '执行任务的进程，以及它们此刻在做什么。', alive: '在线', gone: '失联', heartbeat: '{time}前的心跳', slots: '并发槽位', used: '{n} / {all}', version: '版本', since: '启动', queues: '队列', idle: '空闲', alive_count: '在线进程', slots_used: '使用中的槽位', versions: '版本', mixed: '在线进程的版本不一致', empty_title: '没有工作进程', empty_text: '运行 tenon worker，或启动 serve 时不要使用 --no-worker。',
  },
  platform: {
    jobs: '全部任务', jobs_text: '所有组织的任务，不含参数和结果。', schedules: '产品计划', schedules_text: '产品自身的定时工作，由代码声明。', product: '产品自身', no_args: '平台管理员看不到组织任务的参数、结果和日志。', disable: '暂停', disable_confirm: '确定暂停“{name}”吗？产品的这项工作将不再进行。',
  },
  long: {
    export_title: '导出', export_text: '在后台准备文件，完成后可以下载。', export_rows: '共 {n} 条，在后台准备文件，完成后可以下载。', export_long: '共 {n} 条，数量较多，将在后台准备文件，完成后可以下载。', export_later: '在后台导出…', format: '文件格式', xlsx: 'Excel（XLSX）', csv: 'CSV', start: '开始',
    rows: '约 {n} 行', background: '在后台进行', background_help: '超过 5,000 行时建议使用；可以关闭窗口，也可以中途取消。', may_close: '可以关闭此窗口，任务会继续进行。', open: '查看任务详情',
    waiting: '正在排队', again: '出错了，将自动重试', running_export: '正在准备文件', running_import: '正在导入', running_check: '正在检查', stopping_export: '正在停止', stopping_import: '正在撤回已导入的内容', stopping_check: '正在停止',
    succeeded_export: '文件已准备好', succeeded_import: '已完成', succeeded_check: '检查完成', dead_export: '导出失败', dead_import: '导入失败', dead_check: '检查失败', cancelled_export: '导出已取消', cancelled_import: '导入已取消，已导入的内容已全部撤回', cancelled_check: '检查已取消',
    cancel_export: '取消导出', cancel_import: '取消并撤回', cancel_check: '取消检查', cancel_export_confirm: '确定取消导出吗？', cancel_import_confirm: '确定取消导入吗？已经导入的内容会被撤回。', cancel_check_confirm: '确定取消检查吗？', export_of: '导出 · {what}', import_of: '导入 · {what}', check_of: '检查导入 · {what}',
  },
  tray: { title: '我的任务：{n} 个正在进行', own: '我的任务', clear: '清除已结束的', dismiss: '移除' },
}
