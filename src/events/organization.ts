// Storage format of the events in `organization-<uuid>`: a change of shape is a new version with an upcaster.
import { z } from 'zod';
import { type EventsOf, firstVersion } from './definition.ts';
import { OrganizationId } from './ids.ts';
import { JsonObject } from './json.ts';

const ids = { id: OrganizationId };

export const organizationEvents = {
  OrganizationCreated: firstVersion(z.object({ ...ids, name: z.string(), metadata: JsonObject })),
  OrganizationUpdated: firstVersion(
    z.object({ ...ids, name: z.string().exactOptional(), metadata: JsonObject.exactOptional() }),
  ),
  OrganizationSoftDeleted: firstVersion(z.object(ids)),
  OrganizationRestored: firstVersion(z.object(ids)),
};

export type OrganizationEvent = EventsOf<typeof organizationEvents>;
