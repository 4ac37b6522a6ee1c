import { factories } from './aggregate.ts';
import { commandsOn } from './definition.ts';

export const softDeleteFactory = commandsOn(factories)({
  name: 'SoftDeleteFactory',
  method: 'DELETE',
  path: '/api/factories/:id',
  status: 204,
  ask: async () => [{ type: 'SoftDeleteFactory' }],
});
