import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeCursor } from './cursor.ts';
import { GatewaysQuery } from './gateways.ts';

const id = '0194c000-0000-7000-8000-000000000001';
const aFactory = '0194b000-0000-7000-8000-000000000001';

describe('the query of a list', () => {
  it('asks for the first 20 in the order of creation unless it says otherwise', () => {
    expect(GatewaysQuery.parse({})).toEqual({
      filters: {},
      page: expect.objectContaining({
        limit: 20,
        offset: 0,
        sort: 'created_at',
        includeDeleted: false,
        after: undefined,
      }),
    });
  });

  it('takes limits from 1 to 100 and offsets that a database can count', () => {
    expect(GatewaysQuery.parse({ limit: '1', offset: '0' }).page).toMatchObject({ limit: 1, offset: 0 });
    expect(GatewaysQuery.parse({ limit: '100', offset: '9007199254740991' }).page).toMatchObject({
      limit: 100,
      offset: 9007199254740991,
    });
  });

  it('takes filters of the length that columns hold, in characters', () => {
    const query = { model: '😀'.repeat(100), name: '%', include_deleted: 'true' };
    const { filters, page } = GatewaysQuery.parse(query);
    expect(filters).toEqual({ model: query.model, name: '%' });
    expect(page.includeDeleted).toBe(true);
  });

  it.each([
    { limit: '0' },
    { limit: '101' },
    { limit: '-1' },
    { limit: '1.5' },
    { limit: '' },
    { limit: ' 7' },
    { limit: '0x10' },
    { limit: 'ten' },
    { limit: ['1', '2'] },
    { offset: '-1' },
    { offset: '1e3' },
    { offset: '9007199254740992' },
    { offset: '99999999999999999999999999' },
    { sort: '' },
    { sort: '+name' },
    { sort: '--name' },
    { sort: 'NAME' },
    { sort: 'email' },
    { sort: 'name,created_at' },
    { sort: 'constructor' },
    { include_deleted: '' },
    { include_deleted: '1' },
    { include_deleted: 'TRUE' },
    { model: '' },
    { model: '😀'.repeat(101) },
    { name: 'a\0b' },
    { factory_id: 'x' },
    { cursor: '' },
    { page: '2' },
  ])('refuses %j', (query) => {
    expect(GatewaysQuery.safeParse(query).success).toBe(false);
  });
});

describe('a cursor', () => {
  const places = fc.record({
    key: fc.date({ noInvalidDate: true, min: new Date(0), max: new Date('9999-12-31') }).map(microseconds),
    id: fc.uuid(),
    offset: fc.nat(),
  });

  it('comes back as it was made', () => {
    fc.assert(
      fc.property(places, (place) => {
        const { page } = GatewaysQuery.parse({ sort: '-updated_at', cursor: cursorOf(place, { sort: '-updated_at' }) });
        expect(page).toMatchObject({ after: place, offset: place.offset });
      }),
    );
  });

  it('is good for any limit, and whatever the order and the case in which filters are named', () => {
    const cursor = cursorOf({ key: null, id, offset: 3 }, { sort: 'last_seen_at', model: 'A', factory_id: aFactory });
    const query = { limit: '7', factory_id: aFactory.toUpperCase(), model: 'A', cursor, sort: 'last_seen_at' };
    expect(GatewaysQuery.parse(query).page.after).toEqual({ key: null, id, offset: 3 });
  });

  it.each([
    { sort: 'name' },
    { sort: '-created_at' },
    { model: 'A' },
    { name: 'A' },
    { factory_id: aFactory },
    { include_deleted: 'true' },
  ])('is refused by a list with %j', (other) => {
    const cursor = cursorOf({ key: '2026-01-01T00:00:00.000000Z', id, offset: 1 }, {});
    expect(GatewaysQuery.safeParse({ cursor }).success).toBe(true);
    expect(refusedPaths({ ...other, cursor })).toEqual(['cursor']);
  });

  it('is refused when it says where to start as well', () => {
    const cursor = cursorOf({ key: '2026-01-01T00:00:00.000000Z', id, offset: 1 }, {});
    expect(refusedPaths({ cursor, offset: '1' })).toEqual(['offset']);
    expect(refusedPaths({ cursor, offset: '0' })).toEqual(['offset']);
  });

  it('is refused when a single character of it was changed, lost or added', () => {
    const cursor = cursorOf({ key: '2026-01-01T00:00:00.000000Z', id, offset: 1 }, {});
    const altered = fc
      .record({ at: fc.nat(cursor.length - 1), lost: fc.nat(1), text: fc.string({ maxLength: 1, unit: 'binary' }) })
      .map(({ at, lost, text }) => cursor.slice(0, at) + text + cursor.slice(at + lost))
      .filter((text) => text !== cursor);
    fc.assert(
      fc.property(altered, (garbage) => {
        expect(refusedPaths({ cursor: garbage })).toEqual(['cursor']);
      }),
      { numRuns: 500 },
    );
  });

  it.each<[string, { readonly key: string | null }]>([
    ['created_at', { key: null }],
    ['created_at', { key: 'now' }],
    ['created_at', { key: '2026-02-30T00:00:00.000000Z' }],
    ['created_at', { key: '2026-01-01T00:00:00.000Z' }],
    ['created_at', { key: '0000-01-01T00:00:00.000000Z' }],
    ['last_seen_at', { key: '-infinity' }],
    ['name', { key: null }],
    ['name', { key: 'a\0b' }],
  ])('is refused although its seal is right when it sorts by %s and goes on after %j', (sort, { key }) => {
    expect(refusedPaths({ sort, cursor: cursorOf({ key, id, offset: 1 }, { sort }) })).toEqual(['cursor']);
  });

  it.each([
    { id: 'x', offset: 1 },
    { id, offset: -1 },
    { id, offset: 0.5 },
    { id, offset: 2 ** 53 },
  ])('is refused although its seal is right when it says %j', (place) => {
    const cursor = cursorOf({ key: '2026-01-01T00:00:00.000000Z', ...place }, {});
    expect(refusedPaths({ cursor })).toEqual(['cursor']);
  });
});

function cursorOf(place: Parameters<typeof encodeCursor>[0], query: Readonly<Record<string, string>>): string {
  return encodeCursor(place, GatewaysQuery.parse(query).page.list);
}

function refusedPaths(query: Readonly<Record<string, string>>): readonly string[] | undefined {
  return GatewaysQuery.safeParse(query).error?.issues.map(({ path }) => path.join('.'));
}

function microseconds(date: Date): string {
  return date.toISOString().replace('Z', '123Z');
}
