import { factories } from './aggregate.ts';
import { commandsOn } from './definition.ts';
import { anyOf, location, metadata, name, timezone } from './fields.ts';

export const updateFactory = commandsOn(factories)({
  name: 'UpdateFactory',
  method: 'PUT',
  path: '/api/factories/:id',
  status: 200,
  body: anyOf({ name, location, timezone, metadata }),
  ask: async ({ body }) => [{ type: 'UpdateFactory', fields: body }],
});
