import type zhCN from '../zh-CN/resource'

const messages: typeof zhCN = {
  actions: 'Actions', search: 'Search', refresh: 'Refresh', columns: 'Columns', density: 'Density', density_compact: 'Dense', density_default: 'Default', density_roomy: 'Roomy', sort_hint: 'Click to sort, Shift-click to sort by several columns', toggle_children: 'Show or hide what is below',
  filter: 'Filter', filter_field: 'Field', filter_op: 'Condition', filter_value: 'Value', apply_filter: 'Apply', remove_filter: 'Remove this condition', clear_filters: 'Clear',
  op: { eq: 'is', ne: 'is not', in: 'is one of', contains: 'contains', gt: 'greater than', gte: 'from', lt: 'less than', lte: 'up to', null: 'is empty?', null_true: 'is empty', null_false: 'is not empty' },
  total: '{n} in total', total_capped: 'More than {n}', shown: '{n} on this page', page_size: 'Records of a page', no_match: 'Nothing matches', no_match_text: 'Try fewer conditions or other words.',
  select_page: 'Select this page', select_row: 'Select this row', bulk: 'Bulk actions', selected: '{n} selected', selected_all: 'All {n} selected', select_all: 'Select all {n}', clear_selection: 'Clear selection', set_status: 'Set to {status}',
  bulk_confirm_patch: 'Change the {n} selected records?', bulk_confirm_delete: 'Move the {n} selected records to the trash?', bulk_confirm_purge: 'Delete the {n} selected records for good? This cannot be undone.', bulk_confirm_restore: 'Restore the {n} selected records?',
  bulk_done: '{ok} done', bulk_partly: '{ok} done, {failed} failed',
  trash: 'Trash', leave_trash: 'Leave trash', trash_empty: 'The trash is empty', restore: 'Restore', restored: 'Restored', purge: 'Delete for good', purged: 'Deleted for good', purge_confirm: 'Delete “{name}” for good? This cannot be undone.',
  delete_confirm: 'Delete “{name}”?', deleted: 'Deleted', created: 'Created', saved: 'Saved', discard: 'Discard', discard_confirm: 'You have unsaved changes. Discard them?',
  export: 'Export', export_csv: 'This result as CSV', export_xlsx: 'This result as XLSX',
  import: 'Import', import_title: 'Import', import_text: 'Choose a CSV or XLSX file whose first row names the fields. Fields:', import_file: 'File', import_drop: 'Choose a file, or drop it here', import_key: 'Update existing records by', import_key_none: 'Only create', import_check: 'Check', import_apply: 'Import',
  import_checked: 'Checked.', import_done: 'Imported.', import_counts: '{total} rows: {created} created, {updated} updated, {failed} failed.', import_row: 'Row', import_field: 'Field', import_problem: 'Problem',
  conflict: { title: 'Somebody saved first', text: 'While you were editing, somebody else changed this record. Choose which version stays.', field: 'Field', mine: 'Yours', theirs: 'Theirs', same: 'Both versions say the same.', keep_mine: 'Overwrite with mine', take_theirs: 'Take theirs' },
}
export default messages
