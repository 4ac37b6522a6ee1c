import { describe, expect, it } from 'vitest';
import { filterOf, isPartOfAll } from './filters.ts';

const event = { stream: 'order-1', type: 'OrderPlaced' };

describe('A filter', () => {
  it.each([
    ['order-', true],
    ['rder', true],
    ['^rder', false],
    ['1$', true],
    ['(?i)ORDER', true],
    ['\\Aorder', true],
    ['order\\z', false],
    ['order-1\\z', true],
  ])('searches the stream name for %s: %s', (regex, matches) =>
    expect(filterOf({ on: 'stream', regex, prefixes: [] })(event)).toBe(matches),
  );

  it('searches the event type', () =>
    expect(filterOf({ on: 'type', regex: 'Placed$', prefixes: [] })(event)).toBe(true));

  it.each([
    [['order-', 'x'], true],
    [['x', 'y'], false],
    [['rder'], false],
    [[], false],
  ])('with the prefixes %j: %s', (prefixes, matches) =>
    expect(filterOf({ on: 'stream', regex: '', prefixes })(event)).toBe(matches),
  );

  it('ignores prefixes beside a regular expression', () =>
    expect(filterOf({ on: 'stream', regex: 'x', prefixes: ['order'] })(event)).toBe(false));

  it('refuses what is not a regular expression', () =>
    expect(() => filterOf({ on: 'stream', regex: '(', prefixes: [] })).toThrow(SyntaxError));

  it('names what it does not know of .NET, which is no fault of the expression', () => {
    const atomic = () => filterOf({ on: 'stream', regex: '(?>a)', prefixes: [] });
    expect(atomic).toThrow('does not know (?>');
    expect(atomic).not.toThrow(SyntaxError);
  });
});

describe('$all', () => {
  it.each(['order-1', '$$order-1', '$stats', '$persistentsubscription-a::b-checkpoint'])('shows %s', (stream) =>
    expect(isPartOfAll({ stream })).toBe(true),
  );

  it.each([
    '$epoch-information',
    '$persistentsubscription-$all::group-checkpoint',
    '$persistentsubscription-$all::group-parked',
  ])('hides %s', (stream) => expect(isPartOfAll({ stream })).toBe(false));
});
