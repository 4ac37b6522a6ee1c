import { describe, expect, it } from 'vitest';
import { aGateway, gatewayCreated, gatewayUpdated, stored, storedInOrder } from '../../test/support/examples.ts';
import { givenLog } from '../../test/support/given-log.ts';
import { readingLog } from '../../test/support/reading-log.ts';
import { UndecodableEvent } from '../events/codec.ts';
import { gateways } from './aggregate.ts';
import { load, loadUpTo } from './load.ts';

const life = [gatewayCreated(), gatewayUpdated({ name: 'Second' }), gatewayUpdated({ name: 'Third' })];

describe('an aggregate', () => {
  it('is loaded up to a revision without reading any further', async () => {
    const { log, revisions } = readingLog(givenLog(...storedInOrder(...life)));
    const { resource, revision } = await loadUpTo(log, gateways, aGateway, 1n);
    expect([resource?.name, revision]).toEqual(['Second', 1n]);
    expect(revisions).toEqual([0n, 1n]);
  });

  it.each([
    ['of a type that this version does not know', { type: 'GatewayRepainted' }],
    ['of a version that is to come', { metadata: { schemaVersion: 99 } }],
  ])('is not loaded from half the story: an event %s is an error that names it and its stream', async (_, odd) => {
    const unreadable = { ...stored(gatewayUpdated(), { revision: 1n }), ...odd };
    const log = givenLog(stored(gatewayCreated(), { revision: 0n }), unreadable);
    const loading = load(log, gateways, aGateway);
    await expect(loading).rejects.toThrow(UndecodableEvent);
    await expect(loading).rejects.toThrow(`${unreadable.type} at revision 1 of gateway-${aGateway}`);
    await expect(loadUpTo(log, gateways, aGateway, 1n)).rejects.toThrow(UndecodableEvent);
    expect((await loadUpTo(log, gateways, aGateway, 0n)).resource).toBeDefined();
  });
});
