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

export default { common, errors, auth, layout, resource, fields: { ...fields, ...jobFields }, identity, home, jobs, platform }
