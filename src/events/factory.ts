// Storage format of the events in `factory-<uuid>`: a change of shape is a new version with an upcaster.
import { z } from 'zod';
import { type EventsOf, firstVersion, laterVersion } from './definition.ts';
import { EventId, FactoryId, OrganizationId } from './ids.ts';
import { JsonObject } from './json.ts';

const ids = { id: FactoryId, organizationId: OrganizationId };

const cause = EventId.nullable().describe(
  'The event of its organization that this follows from; null when it was asked for by itself.',
);

// Before there were cascades, everything was asked for by itself.
const withoutCause = { 1: (data: object) => ({ ...data, cause: null }) };

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
  FactorySoftDeleted: laterVersion(
    'A factory was deleted, by itself or with its organization; it can be restored.',
    z.object({ ...ids, cause }),
    withoutCause,
  ),
  FactoryRestored: laterVersion(
    'A deleted factory was brought back as it was, by itself or with its organization.',
    z.object({ ...ids, cause }),
    withoutCause,
  ),
};

export type FactoryEvent = EventsOf<typeof factoryEvents>;
