import { organizations } from './aggregate.ts';
import { commandsOn } from './definition.ts';
import { anyOf, metadata, name } from './fields.ts';

export const updateOrganization = commandsOn(organizations)({
  name: 'UpdateOrganization',
  method: 'PUT',
  path: '/api/organizations/:id',
  status: 200,
  body: anyOf({ name, metadata }),
  ask: async ({ body }) => [{ type: 'UpdateOrganization', fields: body }],
});
