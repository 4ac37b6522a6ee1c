import { z } from 'zod';
import { factories } from './aggregate.ts';
import { commandsOn } from './definition.ts';
import { cascade } from './fields.ts';

export const softDeleteFactory = commandsOn(factories)({
  name: 'SoftDeleteFactory',
  method: 'DELETE',
  path: '/api/factories/:id',
  status: 204,
  summary: 'Delete a factory',
  description:
    'It can be restored. Its active gateways are deleted with it, each a moment later, and come back with it. Deleting ' +
    'what is deleted is no error.',
  refusals: ['FactoryNotFound', 'HasActiveChildren'],
  query: z.strictObject({ cascade }),
  ask: async ({ id, query }, factory, facts) => {
    const isAsked = !query.cascade && factory.status === 'active';
    const childrenToSpare = isAsked && (await facts.hasActiveChildren('factory', id));
    return [{ type: 'SoftDeleteFactory', childrenToSpare }];
  },
});
