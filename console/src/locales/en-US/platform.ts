import type zhCN from '../zh-CN/platform'

const messages: typeof zhCN = {
  group: 'Platform',
  user: {
    title: 'All users', text: 'Every account of this installation, whatever the organisation.', one: 'Account', create: '', empty_title: 'No accounts yet', empty_text: 'Accounts are made by accepting an invitation, and by the set-up.',
    list_all: 'All', list_active: 'Active', list_disabled: 'Disabled', list_administrators: 'Administrators', state_active: 'Active', state_disabled: 'Disabled', state_anonymized: 'Anonymised',
    email_help: 'You vouch for it: a new address signs in without being verified. The old one is told.', admin_text: 'Manages all accounts and organisations, but sees no data inside an organisation.',
    promote: 'Make administrator', promote_confirm: 'Make “{name}” a platform administrator, who manages all accounts and organisations?', demote: 'Remove administrator', demote_confirm: 'Take the platform administration from “{name}”?', demote_self_confirm: 'Give up your own platform administration? You will not be able to open these pages any more.',
    disable: 'Disable', disable_title: 'Disable account', disable_text: 'Ends every session at once; no sign-in to any organisation. Data stays as it is.', disable_confirm: 'Disable the account of “{name}”? Every session ends at once.', disabled_done: 'The account of “{name}” is disabled',
    enable: 'Enable', enable_title: 'Enable account', enable_text: 'Sign-in works again, with the rights there were before.', enabled_done: 'The account of “{name}” is enabled',
    anonymize: 'Anonymise', anonymize_text: 'Takes name, e-mail and password out for good, ends sessions and keys and closes the account. The audit trail stays. This cannot be undone.', anonymized_done: 'The account has been anonymised', anonymized_text: 'Name and address were taken out of this account; it can no longer be changed or enabled.',
    locked_text: 'An account that is locked after too many failed sign-ins opens again by itself. To open it at once, the operator of the server runs', not_here: 'This account is not in the present list', not_here_text: 'Search for it in the list, then open it there.',
  },
  organization: {
    title: 'All organisations', text: 'Every organisation of this installation with its size.', one: 'Organisation', create: '', empty_title: 'No organisations yet', empty_text: 'Found the first one to begin.',
    list_all: 'All', list_open: 'Active', list_deleting: 'To be deleted', deleting: 'Deleted on {time}', here: 'Current', enter: 'Switch to it',
  },
  system: {
    title: 'System', text: 'Mail, health and the documents of the API.', health: 'Health', ready: 'Serving', not_ready: 'Not serving', part_database: 'Database', part_database_text: 'all data', part_kv: 'Key-value store', part_kv_text: 'limits and caches', part_ok: 'Fine',
    documents: 'API documents', documents_text: 'Everything about the API, to be read offline or to generate a client from.', swagger: 'Swagger UI', redoc: 'ReDoc', openapi: 'OpenAPI file',
  },
  mail: {
    title: 'Mail', on: 'Configured', off: 'Not configured', on_text: 'Invitations, password resets and confirmations of addresses leave by SMTP.', off_text: 'There is no mail server ({setting}). Letters are not sent: they lie as files in {folder} on the server. Links of invitations and password resets can be copied in the console and passed on.',
    send: 'Send a test mail', to: 'Goes to your own address, {email}', no_address: 'Your account has no e-mail address: add one first', sent: 'The mail server took the test mail for {email}. If it does not arrive, look into the spam folder.', kept: 'The test mail for {email} was written into the mail folder of the server. It was not sent.',
  },
  route: {
    title: 'API routes', text: 'Every route with the permission it needs: a help for choosing the scope of an API key.', search: 'Search path, summary or permission', all: 'All', mine: 'I may call', others: 'I may not call',
    method: 'Method', path: 'Path', summary: 'What it does', needs: 'Needs', access_public: 'Public', access_signed_in: 'Any sign-in', access_permission: 'A permission',
  },
}
export default messages
