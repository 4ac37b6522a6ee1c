// Storage format of the events in `factory-<uuid>`: a change of shape is a new version with an upcaster.
import { z } from 'zod';
import { type EventsOf, firstVersion } from './definition.ts';
import { FactoryId, OrganizationId } from './ids.ts';
import { JsonObject } from './json.ts';

const ids = { id: FactoryId, organizationId: OrganizationId };

export const factoryEvents = {
  FactoryCreated: firstVersion(
    'A factory was created in an organization.',
    z.object({
      ...ids,
      name: z.string(),
      location: z.string().nullable(),
      timezone: z.string(),
      metadata: JsonObject,
    }),
  ),
  FactoryUpdated: firstVersion(
    'Fields of a factory changed. It has those that changed, and no others.',
    z.object({
      ...ids,
      name: z.string().exactOptional(),
      location: z.string().nullable().exactOptional(),
      timezone: z.string().exactOptional(),
      metadata: JsonObject.exactOptional(),
    }),
  ),
  FactorySoftDeleted: firstVersion('A factory was deleted; it can be restored.', z.object(ids)),
  FactoryRestored: firstVersion('A deleted factory was brought back, as it was.', z.object(ids)),
};

export type FactoryEvent = EventsOf<typeof factoryEvents>;
