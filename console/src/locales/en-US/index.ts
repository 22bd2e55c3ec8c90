import type zhCN from '../zh-CN'
import common from './common'
import errors from './errors'
import auth from './auth'
import layout from './layout'
import resource from './resource'
import fields from './fields'
import identity from './identity'
import home from './home'
import platform from './platform'
import jobs from './jobs'
import jobFields from './jobFields'
import ids from './ids'
import idFields from './idFields'
import members from './members'
import memberFields from './memberFields'

const messages: typeof zhCN = { common, errors, auth, layout, resource, fields: { ...fields, ...jobFields, ...idFields, ...memberFields }, identity, home, jobs, ids, members, platform }
export default messages
