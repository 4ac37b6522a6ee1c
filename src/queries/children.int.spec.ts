import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createMigratedDatabase, withClient } from '../../test/support/database.ts';
import {
  aFactory,
  aGateway,
  anOrganization,
  anotherFactory,
  anotherGateway,
  factoryCreated,
  gatewayCreated,
  gatewaySoftDeleted,
  organizationCreated,
  stored,
  storedInOrder,
} from '../../test/support/examples.ts';
import { type GivenLog, givenLog } from '../../test/support/given-log.ts';
import { DeviceId } from '../events/ids.ts';
import { createPool, DatabaseUnavailable, isUnavailable, type Pool } from '../infrastructure/postgres.ts';
import { createProgress, type Progress } from '../projections/progress.ts';
import { startProjector } from '../projections/projector.ts';
import { findChildren, hasActiveChildren, type Parent } from './children.ts';

const logger = pino({ level: 'silent' });
const organization: Parent = { kind: 'organization', id: anOrganization };
const factory: Parent = { kind: 'factory', id: aFactory };
const history = storedInOrder(
  organizationCreated(),
  factoryCreated(),
  factoryCreated({ id: anotherFactory }),
  gatewayCreated(),
  gatewayCreated({ id: anotherGateway, gatewayId: DeviceId.parse('GW-2') }),
  gatewaySoftDeleted(),
);

let scope: AsyncDisposableStack;
let databaseUrl: string;
let pool: Pool;
let progress: Progress;

beforeEach(async () => {
  scope = new AsyncDisposableStack();
  databaseUrl = scope.use(await createMigratedDatabase()).url;
  pool = scope.adopt(createPool({ databaseUrl, logger }), (made) => made.end());
  progress = createProgress();
});

afterEach(() => scope.disposeAsync());

describe('the children of a parent', () => {
  it('are those that belong to it, active or deleted', async () => {
    await project(givenLog(...history), 600n);
    expect(await idsOf(organization, 'active')).toEqual([aFactory, anotherFactory]);
    expect(await idsOf(organization, 'deleted')).toEqual([]);
    expect(await idsOf(factory, 'active')).toEqual([anotherGateway]);
    expect(await idsOf(factory, 'deleted')).toEqual([aGateway]);
  });

  it('come page by page', async () => {
    await project(givenLog(...history), 600n);
    expect(await idsOf(organization, 'active', { limit: 1 })).toEqual([aFactory]);
    expect(await idsOf(organization, 'active', { limit: 1, after: aFactory })).toEqual([anotherFactory]);
    expect(await idsOf(organization, 'active', { limit: 1, after: anotherFactory })).toEqual([]);
  });

  it('are told together with how far the tables are', async () => {
    const query = { status: 'active', limit: 10 } as const;
    expect(await findChildren(pool, factory, { ...query, at: at(0n) })).toMatchObject({
      isReached: false,
      isKnown: false,
    });
    await project(givenLog(...history), 600n);
    expect(await findChildren(pool, factory, { ...query, at: at(600n) })).toMatchObject({
      isReached: true,
      isKnown: true,
    });
    expect(await findChildren(pool, factory, { ...query, at: at(601n) })).toMatchObject({ isReached: false });
    expect(
      await findChildren(pool, factory, { ...query, at: { commit: 2n ** 64n - 1n, prepare: 2n ** 64n - 1n } }),
    ).toMatchObject({ isReached: false });
  });

  it('are also those that the tables could not take, and that wait behind them', async () => {
    const tooLong = 'x'.repeat(300);
    const log = givenLog(
      ...storedInOrder(
        organizationCreated(),
        factoryCreated(),
        gatewayCreated({ name: tooLong }),
        factoryCreated({ id: anotherFactory, name: tooLong }),
        gatewayCreated({ id: anotherGateway, factoryId: anotherFactory, gatewayId: DeviceId.parse('GW-2') }),
      ),
    );
    await project(log, 500n);
    for (const status of ['active', 'deleted'] as const) {
      expect(await idsOf(factory, status)).toEqual([aGateway]);
      expect(await idsOf(factory, status, { after: aGateway })).toEqual([]);
      expect(await idsOf({ kind: 'factory', id: anotherFactory }, status)).toEqual([anotherGateway]);
    }
    expect(await idsOf(organization, 'active')).toEqual([aFactory, anotherFactory]);
  });

  it('are not rows that no event has made', async () => {
    await project(givenLog(...history), 600n);
    await withClient(databaseUrl, (client) =>
      client.query(`UPDATE gateways SET stream_revision = -1 WHERE id = '${anotherGateway}'`),
    );
    expect(await idsOf(factory, 'active')).toEqual([]);
  });
});

describe('whether a parent has active children', () => {
  it('is told of the moment of the question, however far behind the tables are', async () => {
    const log = givenLog(...history);
    const answer = ask(log);
    await project(log, 600n);
    expect(await answer).toBe(true);

    log.add(stored(gatewaySoftDeleted({ id: anotherGateway }), { revision: 1n, position: 700n }));
    expect(await ask(log)).toBe(false);
  });

  it('is no for one of which nothing has happened', async () => {
    const log = givenLog(...storedInOrder(organizationCreated()));
    await project(log, 100n);
    expect(await ask(log)).toBe(false);
  });

  it('is not known when the tables do not follow, or nobody answers', async () => {
    await expect(ask(givenLog(...history), 50)).rejects.toThrow(DatabaseUnavailable);
    const away = scope.adopt(createPool({ databaseUrl: 'postgres://127.0.0.1:1/none', logger }), (made) => made.end());
    const dependencies = { pool: away, log: givenLog(), readModelReaches: progress.reached };
    await expect(hasActiveChildren(dependencies, 'factory', aFactory)).rejects.toSatisfy(isUnavailable);
  });

  function ask(log: GivenLog, patience = 5_000): Promise<boolean> {
    return hasActiveChildren({ pool, log, readModelReaches: progress.reached, patience }, 'factory', aFactory);
  }
});

async function project(log: GivenLog, end: bigint): Promise<void> {
  scope.adopt(startProjector({ databaseUrl, eventLog: log, progress, logger }), (loop) => loop.stop());
  expect(await progress.reached(at(end), 20_000)).toBe(true);
}

async function idsOf(
  parent: Parent,
  status: 'active' | 'deleted',
  { limit = 10, after }: { readonly limit?: number; readonly after?: string } = {},
): Promise<readonly string[]> {
  return (await findChildren(pool, parent, { status, limit, after, at: at(0n) })).ids;
}

function at(commit: bigint) {
  return { commit, prepare: commit };
}
