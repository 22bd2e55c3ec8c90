export default {
  id_database: { system_code: '系统代码', kind: '类型', address: '地址', user: '用户', password: '密码', database: '数据库' },
  id_table: { database: '数据库', schema: '模式', table: '表', column: '列', key: '键', max: '最大值', limit: '上限', found_at: '发现时间' },
  id_key: {
    name: '名称', system_code: '系统代码', database: '数据库', table: '表', field: '字段', in_use: '已使用到', mode: '方式', counter: '计数位置', sync: '同步日志', id_type: '列类型', most_ids: '单次最多', anonymous: '允许匿名', calls_per_second: '每秒调用上限', ids_per_minute: '每分钟 ID 上限', state: '状态',
    used: '已用', per_day: '每天', full_at: '预测', ceiling: '已交出到', remaining: '剩余', max: '上限', origin: '起点',
  },
  id_generator: { name: '名称', kind: '类型', settings: '设置', expires_at: '可用到', epoch: '纪元', pattern: '格式', reset: '重置', time_zone: '时区', start: '起始号', gap_free: '不跳号' },
}
