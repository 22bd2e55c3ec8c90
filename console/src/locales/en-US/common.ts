import type zhCN from '../zh-CN/common'

const messages: typeof zhCN = {
  cancel: 'Cancel', confirm: 'OK', confirm_title: 'Please confirm', save: 'Save', close: 'Close', edit: 'Edit', view: 'View', delete: 'Delete', copy: 'Copy',
  copied: 'Copied', copy_what: 'Copy: {what}', copy_by_hand: 'Press Ctrl+C to copy the selected text', choose: 'Choose', choose_user: 'Choose a member', yes: 'Yes', no: 'No',
  just_now: 'Just now', loading: 'Loading', empty: 'Nothing here yet', retry: 'Try again', error_title: 'Something went wrong', error_code: 'Error code', request_id: 'Request id',
  forbidden_title: 'No permission', forbidden_text: 'You may not see this. If you need to, ask an administrator of your organisation.', back_home: 'Back to the home page',
  type_to_confirm: 'Type “{word}” to confirm',
}
export default messages
