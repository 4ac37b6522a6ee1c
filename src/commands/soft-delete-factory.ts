import { factories } from './aggregate.ts';
import { commandsOn } from './definition.ts';

export const softDeleteFactory = commandsOn(factories)({
  name: 'SoftDeleteFactory',
  method: 'DELETE',
  path: '/api/factories/:id',
  status: 204,
  summary: 'Delete a factory',
  description: 'It can be restored. Its gateways stay as they are. Deleting what is deleted is no error.',
  refusals: ['FactoryNotFound'],
  ask: async () => [{ type: 'SoftDeleteFactory', childrenToSpare: false }],
});
