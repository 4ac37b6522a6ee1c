import { z } from 'zod';
import { exampleOrganization } from '../resources/examples.ts';
import { factories } from './aggregate.ts';
import { commandsOn } from './definition.ts';
import { location, metadata, name, organizationId, timezone } from './fields.ts';

export const createFactory = commandsOn(factories)({
  name: 'CreateFactory',
  method: 'POST',
  path: '/api/factories',
  status: 201,
  summary: 'Create a factory',
  refusals: ['OrganizationNotFound', 'AlreadyExists'],
  body: z.strictObject({
    organization_id: organizationId,
    name,
    location: location.default(null),
    timezone: timezone.default('UTC'),
    metadata: metadata.default({}),
  }),
  example: {
    organization_id: exampleOrganization.id,
    name: 'Springfield Plant',
    location: 'Building 3, Springfield, IL',
    timezone: 'America/Chicago',
    metadata: { manager: 'Dana Reyes' },
  },
  ask: async ({ id, body }, _factory, facts) => {
    const { organization_id: organizationId, ...fields } = body;
    const organization = await facts.organization(organizationId);
    return [{ type: 'CreateFactory', ids: { id, organizationId }, fields, organization }];
  },
});
