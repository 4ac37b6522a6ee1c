import { describe, expect, it } from 'vitest';
import { PageQuery } from './pagination.ts';

describe('the query of a list', () => {
  it('asks for the first 20 unless it says otherwise', () => {
    expect(PageQuery.parse({})).toEqual({ limit: 20, offset: 0 });
  });

  it('takes limits from 1 to 100 and offsets that a database can count', () => {
    expect(PageQuery.parse({ limit: '1', offset: '0' })).toEqual({ limit: 1, offset: 0 });
    expect(PageQuery.parse({ limit: '100', offset: '9007199254740991' })).toEqual({
      limit: 100,
      offset: 9007199254740991,
    });
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
    { page: '2' },
  ])('refuses %j', (query) => {
    expect(PageQuery.safeParse(query).success).toBe(false);
  });
});
