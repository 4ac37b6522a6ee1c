import { describe, expect, it } from 'vitest';
import { complaintOf, renderStatus, type Status } from './status.ts';

const upToDate: Status = {
  database: {
    address: 'postgres://me@db:5432/mti_wifi',
    version: '18.4',
    migrations: { applied: ['1_one', '2_two'], pending: [], unknown: [] },
    tables: {
      checkpoint: { commit: 900n, prepare: 900n },
      projecting: true,
      rows: [
        { table: 'organizations', active: 1, deleted: 0 },
        { table: 'gateways', active: 12_345, deleted: 2 },
      ],
    },
  },
  eventStore: { address: 'esdb://store:2113', head: { commit: 950n, prepare: 950n } },
  lag: { events: 0, atLeast: false, seconds: 0 },
};

describe('the status', () => {
  it('is a table for people', () => {
    expect(renderStatus(upToDate)).toBe(
      [
        'Database       postgres://me@db:5432/mti_wifi: PostgreSQL 18.4',
        'Migrations     2 applied, none pending',
        'Event store    esdb://store:2113: ends at 950',
        'Projector      running',
        'Checkpoint     at 900, nothing is missing',
        'organizations  1',
        'gateways       12,345, and 2 deleted',
      ].join('\n'),
    );
    expect(complaintOf(upToDate)).toBeUndefined();
  });

  it.each([
    [{ events: 1, atLeast: false, seconds: 0.2 }, '1 event behind, the oldest 1 s old'],
    [{ events: 10_000, atLeast: true, seconds: 3_600 }, 'at least 10,000 events behind, the oldest 3,600 s old'],
  ])('tells how far the tables are behind: %j', (lag, text) => {
    expect(renderStatus({ ...upToDate, lag })).toContain(`at 900, ${text}`);
  });

  it('names what is pending, and what to do', () => {
    const migrations = { applied: ['1_one'], pending: ['2_two'], unknown: [] };
    const status = { ...upToDate, database: { address: 'postgres://db/x', version: '15.2', migrations } };
    expect(renderStatus(status)).toMatch(/1 applied, 1 pending\n +pending: 2_two\n/);
    expect(complaintOf(status)).toContain('npm run db:migrate');
  });

  it('names what it does not know', () => {
    const migrations = { applied: ['1_one', '9_nine'], pending: [], unknown: ['9_nine'] };
    const status = { ...upToDate, database: { address: 'postgres://db/x', version: '15.2', migrations } };
    expect(renderStatus(status)).toContain('unknown to this version: 9_nine');
    expect(complaintOf(status)).toContain('newer version');
  });

  it('says who is away', () => {
    const away = { address: 'x://y', away: 'cannot be reached' };
    const none = { database: away, eventStore: away };
    expect(renderStatus(none)).toBe('Database     x://y: cannot be reached\nEvent store  x://y: cannot be reached');
    expect(complaintOf(none)).toContain('DATABASE_URL');
    expect(complaintOf({ ...upToDate, eventStore: away })).toContain('EVENTSTORE_URL');
  });
});
