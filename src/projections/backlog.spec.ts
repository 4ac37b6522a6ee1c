import { expect, it } from 'vitest';
import {
  gatewayIdReserved,
  organizationCreated,
  organizationUpdated,
  storedInOrder,
} from '../../test/support/examples.ts';
import { givenLog } from '../../test/support/given-log.ts';
import { countEvents } from './backlog.ts';

const log = givenLog(
  ...storedInOrder(organizationCreated(), gatewayIdReserved(), organizationUpdated(), organizationUpdated()),
);

it.each([
  ['from the start', 'start', 100, 3],
  ['after a position', { commit: 100n, prepare: 100n }, 100, 2],
  ['up to a bound', 'start', 2, 2],
  ['at the end', { commit: 400n, prepare: 400n }, 100, 0],
] as const)('the events that tables are made of are counted %s', async (_, after, most, count) => {
  expect(await countEvents(log, after, most)).toBe(count);
});
