// Storage format of the events in `organization-<uuid>`: a change of shape is a new version with an upcaster.
import { z } from 'zod';
import { type EventsOf, firstVersion } from './definition.ts';
import { OrganizationId } from './ids.ts';
import { JsonObject } from './json.ts';

const ids = { id: OrganizationId };

export const organizationEvents = {
  OrganizationCreated: firstVersion(
    'An organization was created.',
    z.object({ ...ids, name: z.string(), metadata: JsonObject }),
  ),
  OrganizationUpdated: firstVersion(
    'Fields of an organization changed. It has those that changed, and no others.',
    z.object({ ...ids, name: z.string().exactOptional(), metadata: JsonObject.exactOptional() }),
  ),
  OrganizationSoftDeleted: firstVersion('An organization was deleted; it can be restored.', z.object(ids)),
  OrganizationRestored: firstVersion('A deleted organization was brought back, as it was.', z.object(ids)),
};

export type OrganizationEvent = EventsOf<typeof organizationEvents>;
