// What a benchmark makes of its command line. That it tells what is wrong, and ends with 1, is the same for all: see run.ts.
import { describe, expect, it } from 'vitest';
import * as commands from './commands-options.ts';
import * as eventStore from './event-store-options.ts';
import * as freshness from './freshness-options.ts';
import * as heartbeats from './heartbeats-options.ts';
import * as publish from './publish-options.ts';
import * as queries from './queries-options.ts';
import * as replay from './replay-options.ts';

const benchmarks = { commands, eventStore, freshness, heartbeats, publish, queries, replay };

describe.each(Object.entries(benchmarks))('the options of %s', (_, { optionsOf, usage }) => {
  it('can be asked for', () => {
    expect(optionsOf(['--help'])).toBe('help');
    expect(usage).toMatch(/^Usage: npm run bench:/);
  });

  it('are others with --quick', () => {
    expect(optionsOf(['--quick'])).not.toEqual(optionsOf([]));
  });

  it('are refused with a hint when there is one that it does not know', () => {
    expect(() => optionsOf(['--slowly'])).toThrow('Say --help');
  });
});

it.each([
  [commands, ['--commands', 'many'], "--commands is 'many'"],
  [commands, ['--commands', '10'], 'less than one for each connection'],
  [eventStore, ['--events', 'many'], "--events is 'many'"],
  [eventStore, ['--events', '500', '--read', '1000'], 'no 1000 to read'],
  [freshness, ['--rate', 'many'], "--rate is 'many'"],
  [heartbeats, ['--gateways', 'many'], "--gateways is 'many'"],
  [heartbeats, ['--indexes', '--minutes', '0'], "--minutes is '0'"],
  [publish, ['--rate', 'many'], "--rate is 'many'"],
  [queries, ['--gateways', 'many'], "--gateways is 'many'"],
  [replay, ['--rounds', '0'], "--rounds is '0'"],
])('options that make no sense are refused with the reason: %#', ({ optionsOf }, args, reason) => {
  expect(() => optionsOf(args)).toThrow(reason);
});
