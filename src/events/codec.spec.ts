import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import * as examples from '../../test/support/examples.ts';
import { definitions, type RegistryEvent } from './catalogue.ts';
import { decode, encode, UndecodableEvent, upcast } from './codec.ts';
import type { EventDefinition } from './definition.ts';

const golden = new URL('../../test/golden/', import.meta.url);

const everyExample: readonly RegistryEvent[] = [
  examples.organizationCreated(),
  examples.organizationUpdated(),
  examples.organizationSoftDeleted(),
  examples.organizationRestored(),
  examples.factoryCreated(),
  examples.factoryUpdated(),
  examples.factorySoftDeleted(),
  examples.factoryRestored(),
  examples.gatewayCreated(),
  examples.gatewayUpdated(),
  examples.gatewayPasswordChanged(),
  examples.gatewayPasswordReencrypted(),
  examples.gatewayMoved(),
  examples.gatewaySoftDeleted(),
  examples.gatewaySoftDeleted({ cause: examples.aCause }),
  examples.gatewayRestored(),
  examples.gatewayRestorationRefused(),
  examples.gatewayIdReservationAbandoned(),
  examples.gatewayConnected(),
  examples.gatewayDisconnected(),
  examples.gatewayIdReserved(),
  examples.gatewayCredentialRead(),
  examples.gatewayIdReservationWithdrawn(),
];

const metadata = {
  $correlationId: 'a-correlation',
  $causationId: 'a-command',
  actor: 'a-tester',
  commandId: 'a-command',
  occurredAt: examples.now,
};

const place = { stream: 'a-stream', revision: 3n, position: { commit: 2n ** 63n - 1n, prepare: 2n ** 63n - 1n } };

describe('the catalogue', () => {
  it('has an example of each event', () => {
    expect([...new Set(everyExample.map(({ type }) => type))].sort()).toEqual([...definitions.keys()].sort());
  });

  it.each(everyExample)('gives $type back as it was written', (event) => {
    const written = encode('an-id', event, metadata);
    const read = decode({ ...place, ...JSON.parse(JSON.stringify(written)) });

    expect(read).toEqual({
      ...event,
      ...place,
      id: 'an-id',
      metadata: { ...metadata, schemaVersion: definitions.get(event.type)?.version },
    });
  });

  it('still reads every version that was ever written', () => {
    for (const [type, { version }] of definitions) {
      for (let written = 1; written <= version; written++) {
        const { stored, decoded } = JSON.parse(readFileSync(new URL(`${type}.v${written}.json`, golden), 'utf8'));

        expect(decode({ ...place, id: 'an-id', ...stored })?.data).toEqual(decoded);
      }
    }
  });

  it('has a golden file for known events only', () => {
    const types = readdirSync(golden).map((file) => file.split('.')[0]);

    expect(types.filter((type) => !definitions.has(type ?? ''))).toEqual([]);
  });
});

describe('encode', () => {
  it('refuses data that is not of the shape of the catalogue', () => {
    const event = { type: 'FactoryRestored', data: { id: 'no uuid' } } as unknown as RegistryEvent;

    expect(() => encode('an-id', event, metadata)).toThrow(z.ZodError);
  });
});

describe('decode', () => {
  const written = encode('an-id', examples.organizationCreated(), metadata);

  it('tells nothing of a type that this version does not know', () => {
    expect(decode({ ...place, ...written, type: 'OrganizationMerged' })).toBeUndefined();
  });

  it('leaves out fields that this version does not know', () => {
    const data = { ...written.data, colour: 'green' };

    expect(decode({ ...place, ...written, data })?.data).toEqual(examples.organizationCreated().data);
  });

  it('refuses data that is not what its version promises, and says where it stands', () => {
    expect(() => decode({ ...place, ...written, data: { id: 1 } })).toThrow(UndecodableEvent);
    expect(() => decode({ ...place, ...written, data: { id: 1 } })).toThrow(
      'OrganizationCreated at revision 3 of a-stream',
    );
  });

  it('refuses an event without metadata', () => {
    expect(() => decode({ ...place, ...written, metadata: undefined })).toThrow(UndecodableEvent);
  });

  it('refuses a version that is newer than this one knows', () => {
    const newer = { ...written.metadata, schemaVersion: 2 };

    expect(() => decode({ ...place, ...written, metadata: newer })).toThrow(UndecodableEvent);
  });
});

describe('upcast', () => {
  const definition: EventDefinition = {
    happens: 'Something got a label.',
    version: 3,
    data: z.object({ label: z.string(), colour: z.string() }),
    upcasters: {
      1: ({ name }) => ({ label: name }),
      2: (data) => ({ ...data, colour: 'grey' }),
    },
  };

  it('goes through every version from the one that was written', () => {
    expect(upcast(definition, 1, { name: 'A' })).toEqual({ label: 'A', colour: 'grey' });
    expect(upcast(definition, 2, { label: 'A' })).toEqual({ label: 'A', colour: 'grey' });
  });

  it('leaves the newest version as it is', () => {
    const data = { label: 'A', colour: 'green' };

    expect(upcast(definition, 3, data)).toBe(data);
  });

  it('refuses to skip a version', () => {
    expect(() => upcast({ ...definition, upcasters: {} }, 2, {})).toThrow('there is no upcaster from version 2');
  });
});
