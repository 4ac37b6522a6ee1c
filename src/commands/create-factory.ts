import { z } from 'zod';
import { factories } from './aggregate.ts';
import { commandsOn } from './definition.ts';
import { location, metadata, name, organizationId, timezone } from './fields.ts';

export const createFactory = commandsOn(factories)({
  name: 'CreateFactory',
  method: 'POST',
  path: '/api/factories',
  status: 201,
  body: z.strictObject({
    organization_id: organizationId,
    name,
    location: location.default(null),
    timezone: timezone.default('UTC'),
    metadata: metadata.default({}),
  }),
  ask: async ({ id, body }, _factory, facts) => {
    const { organization_id: organizationId, ...fields } = body;
    const organization = await facts.organization(organizationId);
    return [{ type: 'CreateFactory', ids: { id, organizationId }, fields, organization }];
  },
});
