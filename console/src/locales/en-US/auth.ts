import type zhCN from '../zh-CN/auth'

const messages: typeof zhCN = {
  motto: 'Joints that hold without nails. One program is the whole back end.',
  username: 'User name', username_or_email: 'User name or e-mail', name: 'Name', email: 'E-mail', password: 'Password', new_password: 'New password', password_again: 'Password again',
  password_hint: 'At least {n} characters; longer is better. No special signs needed.', password_short: 'At least {n} characters', password_differs: 'The two passwords differ',
  back_to_sign_in: 'Back to sign-in', sign_out: 'Sign out',
  sign_in: { title: 'Sign in', text: 'Welcome back. Please sign in to your account.', submit: 'Sign in' },
  setup: {
    title: 'Set up', text: 'Create the first administrator and the first organisation. This happens once.', organization: 'Organisation', token: 'Set-up token', token_help: 'The operator set it as SETUP_TOKEN, or it stands in the log of the server’s start.', submit: 'Finish set-up',
  },
  forgot: {
    title: 'Forgotten password', text: 'Enter the e-mail of your account and we send you a link.', link: 'Forgot your password?', submit: 'Send the link', sent: 'If this address belongs to an account, a link is on its way. Please check your mail.', no_mail: 'Mail has not been configured, so no link can be sent. Ask an administrator for a reset link.',
  },
  reset: { title: 'Reset password', submit: 'Set the new password', done: 'Your password has been reset. Please sign in with it.', no_token: 'The link is incomplete. Please open the one in your mail again.' },
  accept: {
    title: 'Accept invitation', text: '{inviter} invites you to join “{organization}”.', text_anonymous: 'You are invited to join “{organization}”.', until: 'Sent to {email}, valid until {time}.',
    as: 'You will join as “{name}”.', join: 'Join the organisation', existing: 'This address has an account already. Sign in first, then accept.', submit: 'Create account and join', have_account: 'You have an account? Sign in and join',
  },
  confirm_email: { title: 'Confirm e-mail', text: 'Press the button to confirm your e-mail address.', submit: 'Confirm e-mail', done: 'Your e-mail address is confirmed.' },
}
export default messages
