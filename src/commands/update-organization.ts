import { organizations } from './aggregate.ts';
import { commandsOn } from './definition.ts';
import { anyOf, metadata, name } from './fields.ts';

export const updateOrganization = commandsOn(organizations)({
  name: 'UpdateOrganization',
  method: 'PUT',
  path: '/api/organizations/:id',
  status: 200,
  summary: 'Change an organization',
  description:
    'What is left out stays as it is; `metadata` is replaced as a whole. What is so already is no change and no error.',
  refusals: ['OrganizationNotFound'],
  body: anyOf({ name, metadata }),
  example: { name: 'Acme Industries' },
  ask: async ({ body }) => [{ type: 'UpdateOrganization', fields: body }],
});
