import type zhCN from '../zh-CN/members'

const messages: typeof zhCN = {
  group: 'Permission service',
  tag_add: 'Type and press Enter', tag_wrong: '“{value}”: {rule}',
  client: {
    title: 'Programs', text: 'Programs that read, give and take members’ permissions with a key of their own. A key is shown once.', one: 'Program', create: 'New program', create_submit: 'Create and show the key', search: 'Search name, client key or prefix', empty_title: 'No programs yet', empty_text: 'Make a program, and a back office can read and give permissions with its key.',
    client_key_help: 'Its public name, sent as X-Client-Key. It cannot be changed later.', client_key_auto: 'Left empty, one is made', client_key_rule: '3 to 64 letters, digits, _ and -', active_help: 'Switched off, its key is refused at once; it can be switched on again.',
    part_may: 'What it may do', part_limits: 'From where, and how much', cannot_give: 'To change scopes and what may be granted, you need the permission “identity:user:grant”. You may change the rest.',
    scope_group: { permissions: 'Permissions', users: 'Users', catalog: 'Catalogue', audit: 'Trail', clients: 'Programs' },
    scope: { permissions_read: 'Read permissions', permissions_write: 'Give and take permissions', users_read: 'Read users', users_write: 'Change users', users_create: 'Make users', catalog_read: 'Read the catalogue', catalog_write: 'Change the catalogue', audit_read: 'Read the trail', clients_read: 'Read programs', clients_write: 'Keep programs' },
    scope_text: {
      permissions_read: 'List what members were granted.', permissions_write: 'Grant and revoke, within what “May grant” lists below.', users_read: 'See the members and what their issuer calls them.', users_write: 'Let a member work, or not.', users_create: 'Make the user that a grant names, if there is none yet.',
      catalog_read: 'Read the names of modules, actions and scopes that grants may have.', catalog_write: 'Add, change and deprecate these names.', audit_read: 'See who gave and took what, and when.', clients_read: 'See the other programs of this organisation and their limits.', clients_write: 'Make, change, rotate and delete other programs.',
    },
    may_grant_help: 'A module for all of its actions, or module:action for that one alone. Left empty, it can grant nothing.', grant_rule: 'must be module or module:action, in lower case', grants_nothing: 'It has the scope to give permissions, but nothing that it may grant: every grant will be refused.', grants_unused: 'Without the scope “Give and take permissions” this list has no effect.',
    only_these: 'Only these', none_allowed: 'The list is empty: nothing is let through', any_ip: 'Any address', any_origin: 'Any origin', any_path: 'Every path', ips_help: 'Addresses or networks, such as 10.0.0.0/8 or 2001:db8::1.', ip_rule: 'must be an address or a network', origins_help: 'With a list, calls without the header Origin, as servers make them, are refused.', origin_rule: 'must be scheme://host[:port]',
    paths_help: 'A whole path, or one that ends in /* for everything below.', path_rule: 'must begin with /, and have * only in a /* at its end', calls_help: '0 is no limit.', expires_help: 'Its key is refused from then on. Left empty, it never ends.', ended_already: 'This is past: the program ends at once',
    limits: 'Limits', key: 'Key', used: 'Used', never: 'Never expires', expired: 'Expired', soon: 'Ends soon', unused: 'Never used', per_minute: '{n} a minute', unlimited: 'Unlimited', anywhere: 'From anywhere', no_scopes: 'None',
    count: { allow_ips: 'Networks: {n}', allow_origins: 'Origins: {n}', allow_paths: 'Paths: {n}' }, count_none: { allow_ips: 'No address allowed', allow_origins: 'No origin allowed', allow_paths: 'No path allowed' },
    switch: 'Active: {name}', disable: 'Switch off', disable_confirm: 'Switch “{name}” off? Its calls are refused at once.', enabled: '“{name}” is switched on', disabled: '“{name}” is switched off', delete_confirm: 'Delete “{name}”? Its key stops at once and cannot be brought back. What it has granted stays.',
    key_made: 'The key of “{name}”', key_rotated: 'The new key of “{name}”', once: 'This key is shown now and never again. Copy it and keep it in a safe place.', try: 'Try it', kept: 'I have kept it', previous_goes_on: 'The key before it goes on until {time}.', previous_ended: 'The key before it has ended.', previous_until: 'Old key until {time}',
    rotate: 'Rotate', rotate_title: 'Rotate the key of “{name}”', rotate_text: 'Makes a new key and shows it once. The present key can go on beside it for a while, so that nothing stops while you change over.', overlap: 'The present key goes on for', hours_unit: 'hours (0 to 720)', overlap_at_once: 'At once', overlap_hours: '{n} h', overlap_days: '{n} d',
    rotate_at_once: 'The present key stops at once; calls that still use it are refused.', rotate_until: 'The present key goes on until {time}.', rotate_third: 'An earlier key would have gone on until {time}; it ends with this rotation.',
  },
  calls: {
    action: 'Calls', title: 'Calls of “{name}”', title_plain: 'Calls of a program', one: 'Calls', text: 'What was called with the right key in the last seven days, refusals included. The newest calls appear some seconds late.', back: 'Programs',
    chart: 'Calls per hour', range: 'Range', hours_24: '24 hours', hours_168: '7 days', ok: 'Answered', refused: 'Refused', failed: 'Failed', total: 'Total', rate: 'Answered', quiet: 'No calls in this time', list: 'Latest calls', status_filter: 'By status', all: 'All',
    at: 'Time', route: 'Route', status: 'Status', duration: 'Took', ip: 'Address', request_id: 'Request id', older: 'Older calls', end: 'There are no older calls', empty_title: 'No calls yet', empty_text: 'Once the program calls with its key, it appears here.', no_match: 'No calls with such a status',
  },
  issuer: {
    title: 'Issuers', text: 'Identity services whose access tokens are believed in this organisation. An issuer belongs to one organisation only.', create: 'Add an issuer', empty_title: 'No issuers yet', empty_text: 'Add the issuer of your identity service, and its access tokens can ask for permissions.',
    issuer_help: 'Exactly as tokens write it in iss, with the slash at its end if there is one. It cannot be changed later.', issuer_fixed: 'Cannot be changed: what members are called belongs to it. Add another one instead.', jwks_help: 'Left empty, it is found in the issuer’s discovery document.', discovered: 'Discovered', audiences_help: 'A token must name one of these in aud.', azp_help: 'A token’s azp must be one of these; left empty, any will do.', any_azp: 'Any',
    require_azp_help: 'Refuses tokens that name no authorised party (azp).', azp_required: 'required', azp_optional: 'may be missing', algorithms_help: 'Signatures of these kinds only; usually RS256, ES256 and ES384.', no_algorithm: 'Choose at least one', active_help: 'Switched off, its tokens are believed no more, at once.', url_rule: 'Must begin with https://',
    keys: { ok: 'Keys ready', stale: 'Keys are old', empty: 'No keys yet' }, keys_text: { ok: 'This server has the newest keys', stale: 'The keys still count and are fetched again when needed', empty: 'Keys are fetched with the first token, or by a check' },
    check: 'Check keys', check_keys: 'Keys that can be used: {n}', check_none: 'No key can be used', check_hint: 'Check the issuer and the URL of its keys, and whether this server can reach them.',
    switch: 'Active: {name}', disable: 'Switch off', disable_confirm: 'Switch “{name}” off? Its tokens are refused at once.', enabled: '“{name}” is switched on', disabled: '“{name}” is switched off', delete_confirm: 'Delete “{name}”? Its tokens are refused at once.',
  },
}
export default messages
