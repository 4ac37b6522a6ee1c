import { expect, it } from 'vitest';
import { aKeyCalled } from '../../test/support/key-rings.ts';
import { aSurveyOf } from '../../test/support/surveys.ts';
import { ringOf } from '../infrastructure/key-ring.ts';
import { adviceOn } from './advice.ts';

const ring = ringOf([aKeyCalled('new', 1), aKeyCalled('old', 2)]);
const opens = [
  { keyId: 'new', opens: true },
  { keyId: 'old', opens: true },
];

it('there is nothing to do where all passwords open', () => {
  expect(adviceOn(aSurveyOf(...opens), ring)).toEqual([]);
});

it('keys are to be added when they are missing, and only those', () => {
  const survey = aSurveyOf(...opens, { keyId: 'lost', opens: false }, { keyId: 'gone', opens: false });
  expect(adviceOn(survey, ring)).toEqual(['Add to ENCRYPTION_KEYS what is missing: lost, gone.']);
});

it('a key that has the id of another is to be replaced, and no key is missing', () => {
  const [advice, ...more] = adviceOn(aSurveyOf(...opens, { keyId: 'new', opens: false }), ring);
  expect(more).toEqual([]);
  expect(advice).toMatch(/^Key new is here and does not open .* put it in the place of this one.* rotate twice/s);
  expect(advice).not.toContain('missing');
});

it('what is no encrypted password needs no key', () => {
  const advice = adviceOn(aSurveyOf(...opens, { keyId: undefined, opens: false }), ring);
  expect(advice).toEqual([expect.stringContaining('run a newer version of the service')]);
});
