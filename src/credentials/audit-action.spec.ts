import { describe, expect, it } from 'vitest';
import {
  aGateway,
  anotherGateway,
  gatewayCreated,
  gatewayCredentialRead,
  later,
  now,
  stored,
} from '../../test/support/examples.ts';
import { givenLog } from '../../test/support/given-log.ts';
import type { StoredEvent } from '../events/event-log.ts';
import { listReadings, readAuditWords } from './audit-action.ts';

const running = new AbortController().signal;

describe('the words of an audit', () => {
  it('say of which gateway and which connector, or nothing', () => {
    expect(readAuditWords([])).toEqual({});
    expect(readAuditWords([`gateway=${aGateway.toUpperCase()}`, 'subject=orchestrator-1'])).toEqual({
      gateway: aGateway,
      subject: 'orchestrator-1',
    });
  });

  it.each([
    [['gateway=GW-1'], 'gateway: must be a UUID'],
    [['subject=a b'], 'subject: must be'],
    [['subject=a', 'subject=b'], 'subject is there twice'],
    [[aGateway], 'a word too many'],
  ])('are refused: %s', (given, reason) => {
    expect(() => readAuditWords(given)).toThrow(reason);
    expect(() => readAuditWords(given)).toThrow('Usage: npm run credentials');
  });
});

describe('an audit', () => {
  const mine = reading({ id: aGateway, subject: 'orchestrator-1' }, 0n, 100n);
  const theirs = reading({ id: anotherGateway, subject: 'orchestrator-2' }, 0n, 200n, later);
  const mineAgain = reading({ id: aGateway, subject: 'orchestrator-2' }, 1n, 300n, later);
  const created = stored(gatewayCreated(), { stream: `gateway-${aGateway}`, revision: 0n });

  it('tells of each reading who was told which password, and when', async () => {
    const { lines } = await audit([created, mine]);
    const { data } = gatewayCredentialRead();
    expect(lines).toEqual([
      `${now}  orchestrator-1  gateway ${aGateway}  version ${data.credentialVersion}  key ${data.keyThumbprint}  request ${data.requestId}`,
    ]);
  });

  it.each([
    [{}, [mine, theirs, mineAgain]],
    [{ gateway: aGateway }, [mine, mineAgain]],
    [{ subject: 'orchestrator-2' }, [theirs, mineAgain]],
    [{ gateway: aGateway, subject: 'orchestrator-2' }, [mineAgain]],
  ])('lists what was asked for, in the order of the log: %j', async (wanted, expected) => {
    const { lines } = await audit([mine, theirs, mineAgain], wanted);
    expect(lines).toEqual((await Promise.all(expected.map((one) => audit([one])))).flatMap(({ lines }) => lines));
  });

  it.each([
    [{}, 'Nobody was told a password.'],
    [{ gateway: aGateway }, `Nobody was told the password of gateway ${aGateway}.`],
    [{ subject: 'orchestrator-3' }, 'Nobody of the name orchestrator-3 was told a password.'],
    [
      { gateway: aGateway, subject: 'orchestrator-1' },
      `Nobody of the name orchestrator-1 was told the password of gateway ${aGateway}.`,
    ],
  ])('says of whom nothing was found, though others may have been told: %j', async (wanted, line) => {
    const others = 'gateway' in wanted || 'subject' in wanted ? [theirs] : [];
    expect(await audit([created, ...others], wanted)).toEqual({ lines: [line], error: undefined });
  });

  it.each([
    ['is not of its shape', { ...mineAgain, data: { id: aGateway } }],
    ['is of a type that nobody knows', { ...mineAgain, type: 'SomethingElse' }],
    ['is no reading', stored(gatewayCreated(), { stream: mine.stream, revision: 1n })],
  ])('lists, whoever is asked for, what %s, goes on and says so in the end', async (_, broken) => {
    const { lines, error } = await audit([mine, broken, theirs], { subject: 'orchestrator-2' });
    expect(lines).toEqual([expect.stringMatching(`^unreadable .* revision 1 of ${mine.stream}`), expect.any(String)]);
    expect(lines[0]).toContain(broken.id);
    expect(error).toContain('1 of these 2 lines');
  });

  it('does not pass for complete when it is interrupted', async () => {
    const { error } = await audit([mine, theirs], {}, AbortSignal.abort());
    expect(error).toContain('Interrupted');
  });
});

async function audit(
  events: readonly StoredEvent[],
  wanted: Parameters<typeof listReadings>[1] = {},
  signal = running,
) {
  const lines: string[] = [];
  const error = await listReadings(givenLog(...events), wanted, signal, (line) => lines.push(line)).then(
    () => undefined,
    (thrown: Error) => thrown.message,
  );
  return { lines, error };
}

function reading(
  data: Partial<ReturnType<typeof gatewayCredentialRead>['data']>,
  revision: bigint,
  position: bigint,
  occurredAt = now,
): StoredEvent {
  const event = gatewayCredentialRead(data);
  const stream = `credentialAudit-${event.data.id}`;
  return stored(event, { stream, revision, position, occurredAt });
}
