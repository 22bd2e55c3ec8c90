import type { Post } from '@/api/types'
import type { DataColumn } from '@/resource/types'

export const columns: DataColumn<Post>[] = [
  { key: 'name', primary: true },
  { key: 'code', type: 'mono' },
  { key: 'status', type: 'status' },
  { key: 'sort', type: 'number', align: 'end', width: '90px' },
  { key: 'remark' },
  { key: 'created_at', type: 'datetime', hidden: true },
  { key: 'updated_at', type: 'relative' },
]
