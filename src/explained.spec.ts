import { expect, it } from 'vitest';
import { EventLogUnavailable } from './events/event-log.ts';
import { explained } from './explained.ts';
import { CannotListen } from './http/listen.ts';
import { BusUnavailable } from './publishing/bus.ts';

const urls = {
  eventStore: 'esdb://admin:changeit@store:2113?tls=false',
  postgres: 'postgres://me:hunter2@db:5432/mti_wifi',
  nats: 'nats://me:hunter2@bus:4222',
};

it.each([
  ['an event store that is away', new EventLogUnavailable('away'), 'esdb://admin@store:2113', 'EVENTSTORE_URL'],
  ['NATS that is away', new BusUnavailable('there is no connection to NATS at bus:4222'), 'bus:4222', 'NATS_URL'],
  ['Postgres that is away', failure('ECONNREFUSED'), 'postgres://me@db:5432/mti_wifi', 'DATABASE_URL'],
  ['a database that is not there', failure('3D000'), 'postgres://me@db:5432/mti_wifi', 'npm run db:reset'],
])('says of %s where it is and what to do, and no password', (_, error, where, whatToDo) => {
  const message = String(explained(error, urls));

  expect(message).toContain(where);
  expect(message).toContain(whatToDo);
  expect(message).not.toMatch(/hunter2|changeit/);
});

it('does not blame Postgres for a host name that the service cannot listen on', () => {
  const error = new CannotListen('The service cannot listen', { cause: failure('ENOTFOUND') });
  expect(explained(error, urls)).toBe(error);
});

it('leaves a defect as it is', () => {
  const defect = new TypeError('a defect');
  expect(explained(defect, urls)).toBe(defect);
});

function failure(code: string): Error {
  return Object.assign(new Error(`it says ${code}`), { code });
}
