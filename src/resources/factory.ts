import { z } from 'zod';
import type { Recorded } from '../events/codec.ts';
import type { FactoryEvent } from '../events/factory.ts';
import { JsonObject } from '../events/json.ts';
import { exampleFactory } from './examples.ts';

/** A factory as the world sees it, in REST and on NATS. */
export const FactoryResource = z
  .object({
    id: z.guid(),
    organization_id: z.guid(),
    name: z.string(),
    location: z.string().nullable(),
    timezone: z.string().meta({ description: 'An IANA time zone.' }),
    metadata: JsonObject,
    created_at: z.iso.datetime(),
    updated_at: z.iso.datetime(),
  })
  .meta({ id: 'Factory', examples: [exampleFactory] });

export type FactoryResource = z.output<typeof FactoryResource>;

/** The factory after an event; undefined as long as it was never created. */
export function foldFactory(
  factory: FactoryResource | undefined,
  event: Recorded<FactoryEvent>,
): FactoryResource | undefined {
  const { occurredAt } = event.metadata;
  if (event.type === 'FactoryCreated') {
    const { organizationId, ...data } = event.data;
    return { ...data, organization_id: organizationId, created_at: occurredAt, updated_at: occurredAt };
  }
  if (factory === undefined) return undefined;
  if (event.type !== 'FactoryUpdated') return { ...factory, updated_at: occurredAt };
  const { id: _, organizationId: __, ...changes } = event.data;
  return { ...factory, ...changes, updated_at: occurredAt };
}
