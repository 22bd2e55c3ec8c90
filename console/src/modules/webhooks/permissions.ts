/** One place to match the server. */
export const P = {
  endpointList: 'webhooks:endpoint:list',
  endpointRead: 'webhooks:endpoint:read',
  endpointCreate: 'webhooks:endpoint:create',
  endpointUpdate: 'webhooks:endpoint:update',
  endpointDelete: 'webhooks:endpoint:delete',
  endpointRotate: 'webhooks:endpoint:rotate',
  endpointPing: 'webhooks:endpoint:ping',
  endpointReplay: 'webhooks:endpoint:replay',
  deliveryList: 'webhooks:delivery:list',
  deliveryRead: 'webhooks:delivery:read',
  deliveryRedeliver: 'webhooks:delivery:redeliver',
  jobRead: 'jobs:job:read',
} as const
