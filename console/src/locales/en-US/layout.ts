import type zhCN from '../zh-CN/layout'

const messages: typeof zhCN = {
  home: 'Home', navigation: 'Navigation', skip: 'Skip to the main content', breadcrumbs: 'Breadcrumbs', collapse: 'Collapse', expand: 'Expand', language: 'Language', organization: 'Organisation', user_menu: 'Account menu', api_docs: 'API documentation',
  theme: { title: 'Appearance', light: 'Light', dark: 'Dark', system: 'System' },
  palette: { title: 'Command palette', open: 'Search or jump to', placeholder: 'Type the name of a page or an action…', none: 'Nothing matches', action: 'Action', theme_light: 'Use the light appearance', theme_dark: 'Use the dark appearance', theme_system: 'Follow the system’s appearance' },
  shortcuts: {
    title: 'Keyboard shortcuts', anywhere: 'Anywhere', tables: 'In tables', go: 'Go to', palette: 'Open the command palette', search: 'Focus the search', help: 'Show the shortcuts', close: 'Close what is open', next: 'Next row', previous: 'Previous row', open: 'Open the record', select: 'Select the row',
  },
  not_found: { title: 'Page not found', text: 'This address does not exist or has moved.' },
  found: { title: 'New organisation', text: 'You will own it, and work in it from then on.' },
  no_organization: { title: 'You belong to no organisation yet', text: 'Ask an administrator for an invitation, or create a new organisation.', name: 'Name of the organisation', create: 'Create', choose: 'Choose an organisation' },
}
export default messages
