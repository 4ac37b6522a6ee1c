import { describe, expect, it } from 'vitest';
import {
  aGateway,
  anOrganization,
  factoryCreated,
  factoryUpdated,
  gatewayUpdated,
  organizationCreated,
  organizationSoftDeleted,
  organizationUpdated,
  storedInOrder,
} from '../../test/support/examples.ts';
import type { RegistryEvent } from '../events/catalogue.ts';
import { decode, type Recorded } from '../events/codec.ts';
import { createBulkFold } from './bulk-fold.ts';
import { copyField, NotWellFormed } from './copy.ts';

describe('a fold for a bulk load', () => {
  it('has one line for each row that is made, with what its events have come to', () => {
    const fold = foldOf(organizationCreated(), organizationUpdated({ name: 'a\tb' }), organizationSoftDeleted());
    const [table] = fold.rows();
    expect(table?.into).toBe('organizations (id, name, metadata, created_at, updated_at, deleted_at, stream_revision)');
    expect([...(table?.lines ?? [])]).toEqual([
      [
        anOrganization,
        'a\\tb',
        '{"country":"DE"}',
        '2026-01-02T03:04:05.678Z',
        '2026-01-02T03:04:07.678Z',
        '2026-01-02T03:04:07.678Z',
        '2',
      ].join('\t'),
    ]);
    expect(fold.changes()).toEqual([]);
  });

  it('has the tables in the order of their foreign keys', () => {
    const fold = foldOf(factoryCreated(), organizationCreated());
    expect(fold.rows().map(({ projection }) => projection.table)).toEqual(['organizations', 'factories']);
  });

  it('keeps the changes of rows that were made before apart', () => {
    const fold = foldOf(factoryCreated(), factoryUpdated({ location: null }), gatewayUpdated());
    expect(fold.changes().map(({ rows }) => rows.map(({ id }) => id))).toEqual([[aGateway]]);
    expect([...(fold.rows()[0]?.lines ?? [])][0]?.split('\t')[3]).toBe('\\N');
  });

  it('knows about how much it holds, and holds no more what was taken', () => {
    const fold = foldOf(organizationCreated({ name: 'x'.repeat(10_000) }));
    expect(fold.size).toBeGreaterThan(10_000);
    expect([...(fold.rows()[0]?.lines ?? [])]).toHaveLength(1);
    expect(fold.rows()).toEqual([]);
  });
});

describe('a field as COPY takes it', () => {
  it.each([
    [null, '\\N'],
    ['\\N', '\\\\N'],
    ['a\tb\nc\rd', 'a\\tb\\nc\\rd'],
    [{ path: 'C:\\x\n' }, '{"path":"C:\\\\\\\\x\\\\n"}'],
    ['', ''],
  ])('%j', (value, field) => {
    expect(copyField(value)).toBe(field);
  });

  it('is not half a surrogate pair', () => {
    expect(() => copyField('\ud83d')).toThrow(NotWellFormed);
  });
});

function foldOf(...events: readonly RegistryEvent[]) {
  const fold = createBulkFold();
  for (const event of storedInOrder(...events)) fold.add(decode(event) as Recorded);
  return fold;
}
