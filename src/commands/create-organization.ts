import { z } from 'zod';
import { organizations } from './aggregate.ts';
import { commandsOn } from './definition.ts';
import { metadata, name } from './fields.ts';

export const createOrganization = commandsOn(organizations)({
  name: 'CreateOrganization',
  method: 'POST',
  path: '/api/organizations',
  status: 201,
  body: z.strictObject({ name, metadata: metadata.default({}) }),
  ask: async ({ id, body }) => [{ type: 'CreateOrganization', id, fields: body }],
});
