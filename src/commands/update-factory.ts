import { factories } from './aggregate.ts';
import { commandsOn } from './definition.ts';
import { anyOf, location, metadata, name, timezone } from './fields.ts';

export const updateFactory = commandsOn(factories)({
  name: 'UpdateFactory',
  method: 'PUT',
  path: '/api/factories/:id',
  status: 200,
  summary: 'Change a factory',
  description:
    'What is left out stays as it is; `metadata` is replaced as a whole. What is so already is no change and no error.' +
    ' A factory stays with its organization.',
  refusals: ['FactoryNotFound'],
  body: anyOf({ name, location, timezone, metadata }),
  example: { name: 'Springfield Plant 2', location: null },
  ask: async ({ body }) => [{ type: 'UpdateFactory', fields: body }],
});
