import { z } from 'zod';
import type { Recorded } from '../events/codec.ts';
import { JsonObject } from '../events/json.ts';
import type { OrganizationEvent } from '../events/organization.ts';
import { exampleOrganization } from './examples.ts';

/** An organization as the world sees it, in REST and on NATS. */
export const OrganizationResource = z
  .object({
    id: z.guid(),
    name: z.string(),
    metadata: JsonObject,
    created_at: z.iso.datetime(),
    updated_at: z.iso.datetime(),
  })
  .meta({ id: 'Organization', examples: [exampleOrganization] });

export type OrganizationResource = z.output<typeof OrganizationResource>;

/** The organization after an event; undefined as long as it was never created. */
export function foldOrganization(
  organization: OrganizationResource | undefined,
  event: Recorded<OrganizationEvent>,
): OrganizationResource | undefined {
  const { occurredAt } = event.metadata;
  if (event.type === 'OrganizationCreated') {
    const { id, name, metadata } = event.data;
    return { id, name, metadata, created_at: occurredAt, updated_at: occurredAt };
  }
  if (organization === undefined) return undefined;
  if (event.type !== 'OrganizationUpdated') return { ...organization, updated_at: occurredAt };
  const { id: _, ...changes } = event.data;
  return { ...organization, ...changes, updated_at: occurredAt };
}
