import { describe, expect, it } from 'vitest';
import { actionsOf, type Given } from './actions.ts';
import type { Context } from './context.ts';

const runs: Given[] = [];
const script = actionsOf('lamps', {
  light: { takes: '', help: 'Lights it.\nNot twice.', servers: ['nats'], run: async (given) => void runs.push(given) },
  dim: { takes: '<percent>', help: 'Dims it.', servers: [], run: async (given) => void runs.push(given) },
});

describe('a script of actions', () => {
  it('explains each, with what it takes', () => {
    expect(script.usage).toBe('npm run lamps -- <action>');
    expect(script.help).toBe('  light\n      Lights it.\n      Not twice.\n  dim <percent>\n      Dims it.');
  });

  it('needs the servers of the action that is asked for', () => {
    expect(script.servers({ words: ['light'] })).toEqual(['nats']);
    expect(script.servers({ words: ['dim', '5'] })).toEqual([]);
    expect(script.servers({ words: ['burn'] })).toEqual([]);
    expect(script.servers({ words: ['light', 'twice'] })).toEqual([]);
    expect(script.servers({})).toEqual([]);
  });

  it('does what is asked for', async () => {
    const context = contextOf('dim', '5');
    await script.run(context, noLog);

    expect(runs.splice(0)).toEqual([{ context, openLog: noLog, words: ['5'] }]);
  });

  it.each([
    [[], 'Say what to do. There are light, dim; --help explains.'],
    [['burn'], 'Unknown: burn. There are light, dim; --help explains.'],
    [['toString'], 'Unknown: toString. There are light, dim; --help explains.'],
    [['light', 'it', 'up'], 'Too much: it up. Usage: npm run lamps -- light'],
  ])('says what is wrong with %j, and does nothing', async (words, message) => {
    await expect(script.run(contextOf(...words), noLog)).rejects.toThrow(message);
    expect(runs).toEqual([]);
  });
});

function contextOf(...words: readonly string[]): Context {
  return { arguments: { words } } as Context;
}

function noLog(): never {
  throw new Error('no lamp needs a log');
}
