import { describe, expect, it } from 'vitest';
import { aKeyCalled } from '../../test/support/key-rings.ts';
import { aSurveyOf } from '../../test/support/surveys.ts';
import { ringOf } from '../infrastructure/key-ring.ts';
import { countByKey, renderCounts, unusedKeys } from './standings.ts';

const ring = ringOf([aKeyCalled('new', 1), aKeyCalled('old', 2), aKeyCalled('oldest', 3)]);

describe('the passwords', () => {
  it('are counted by key: those of the ring in its order, then the others', () => {
    const survey = aSurveyOf(
      ...Array.from({ length: 1_234 }, () => ({ keyId: 'old', opens: true })),
      { keyId: 'lost', opens: false },
      { keyId: 'new', opens: true },
      { keyId: 'new', opens: false },
      { keyId: undefined, opens: false },
    );
    expect(renderCounts(countByKey(survey, ring))).toBe(
      `
key        passwords
new                2  encrypts, but 1 of them do not open: was it another key under this id?
old            1,234  decrypts
oldest             0  not needed any more
lost               1  NOT IN THE RING: these passwords cannot be opened
(none)             1  what is stored is no encrypted password`.trimStart(),
    );
  });

  it('are none where there are no gateways', () => {
    expect(renderCounts(countByKey(aSurveyOf(), ringOf([aKeyCalled('a-key-with-a-name', 1)])))).toBe(
      `
key                passwords
a-key-with-a-name          0  encrypts`.trimStart(),
    );
  });
});

it('keys can be taken out that no password is under, except for the one that encrypts', () => {
  expect(unusedKeys(aSurveyOf({ keyId: 'old', opens: true }), ring)).toEqual(['oldest']);
  expect(unusedKeys(aSurveyOf({ keyId: 'old', opens: false }), ring)).toEqual(['oldest']);
  expect(unusedKeys(aSurveyOf({ keyId: 'lost', opens: false }), ring)).toEqual(['old', 'oldest']);
});
