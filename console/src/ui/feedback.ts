import { ElMessage, ElMessageBox } from 'element-plus'
import 'element-plus/es/components/message/style/css'
import 'element-plus/es/components/message-box/style/css'
import { asApiError } from '@/api/errors'
import { t } from '@/locales'
import { problemText } from './problem'

export function toast(message: string, type: 'success' | 'warning' | 'info' = 'success'): void {
  ElMessage({ message, type, grouping: true, duration: 2600 })
}

export function toastError(error: unknown): void {
  const { requestId } = asApiError(error)
  const message = problemText(error) + (requestId ? ` (${requestId})` : '')
  ElMessage({ message, type: 'error', grouping: true, showClose: true, duration: 6000 })
}

/** False when the person thought better of it. */
export async function confirm(message: string, options: { title?: string; ok?: string; danger?: boolean } = {}): Promise<boolean> {
  try {
    await ElMessageBox.confirm(message, options.title ?? t('common.confirm_title'), {
      confirmButtonText: options.ok ?? t('common.confirm'),
      cancelButtonText: t('common.cancel'),
      confirmButtonClass: options.danger ? 'el-button--danger' : '',
      type: options.danger ? 'warning' : 'info',
      customClass: 'confirm-box',
    })
    return true
  } catch {
    return false
  }
}

/** Runs a change and says how it went. The result is null when it failed. */
export async function attempt<T>(work: () => Promise<T>, done?: string): Promise<{ value: T } | null> {
  try {
    const value = await work()
    if (done) toast(done)
    return { value }
  } catch (error) {
    toastError(error)
    return null
  }
}
