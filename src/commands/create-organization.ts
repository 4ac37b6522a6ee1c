import { z } from 'zod';
import { organizations } from './aggregate.ts';
import { commandsOn } from './definition.ts';
import { metadata, name } from './fields.ts';

export const createOrganization = commandsOn(organizations)({
  name: 'CreateOrganization',
  method: 'POST',
  path: '/api/organizations',
  status: 201,
  summary: 'Create an organization',
  refusals: ['AlreadyExists'],
  body: z.strictObject({ name, metadata: metadata.default({}) }),
  example: { name: 'Acme Manufacturing', metadata: { industry: 'automotive' } },
  ask: async ({ id, body }) => [{ type: 'CreateOrganization', id, fields: body }],
});
