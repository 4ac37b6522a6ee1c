// Storage format of the events in `credentialAudit-<uuid of the gateway>`: a change of shape is a new version with an upcaster.
import { z } from 'zod';
import { type EventsOf, firstVersion } from './definition.ts';
import { FactoryId, GatewayId, OrganizationId } from './ids.ts';

export const credentialAuditEvents = {
  GatewayCredentialRead: firstVersion(
    'A connector is about to be told the password of a gateway, sealed to its key. It is told only after this was recorded.',
    z.object({
      id: GatewayId,
      factoryId: FactoryId,
      organizationId: OrganizationId,
      credentialVersion: z
        .int()
        .nonnegative()
        .describe("Which password: the revision, in the gateway's stream, of the event that set it."),
      subject: z.string().describe('Who asked: whom the token names.'),
      keyThumbprint: z.string().describe('Of the public key that the password was sealed to (RFC 7638).'),
      requestId: z.string().describe('What the connector calls its request.'),
    }),
  ),
};

export type CredentialAuditEvent = EventsOf<typeof credentialAuditEvents>;
