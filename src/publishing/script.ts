// `npm run publishing`: what one may do with what others hear. A row for each action.
import type { Arguments, Context, OpenLog, Server } from '../context.ts';
import { connectNats } from '../infrastructure/nats.ts';
import type { Action } from './action.ts';
import { parkedAction } from './parked-action.ts';
import { rebuildStateAction } from './rebuild-state-action.ts';

const actions: ReadonlyMap<string, Action> = new Map([
  ['rebuild-state', rebuildStateAction],
  ['parked', parkedAction],
]);

/** The actions, a paragraph each. */
export const publishingHelp = [...actions]
  .map(([name, { help }]) => `  ${name}\n      ${help.replaceAll('\n', '\n      ')}`)
  .join('\n');

/** The servers that its actions need; none where there is no such action. */
export function serversForPublishing({ words: [name = ''] = [] }: Arguments): readonly Server[] {
  return actions.has(name) ? ['eventStore', 'nats'] : [];
}

/** Does what the words after the script's name ask for. */
export async function runPublishing(context: Context, openLog: OpenLog): Promise<void> {
  const [name = '', ...more] = context.arguments.words ?? [];
  const action = actions.get(name);
  if (action === undefined) {
    const known = [...actions.keys()].join(', ');
    throw new Error(`${name === '' ? 'Say what to do' : `Unknown: ${name}`}. There are ${known}; --help explains.`);
  }
  if (more.length > 0) throw new Error(`Too much: ${more.join(' ')}. Usage: npm run publishing -- ${name}`);
  const { urls, logger } = context;
  await using log = openLog();
  const bus = connectNats({ url: urls.nats, name: 'gateway-registry publishing', logger });
  try {
    await action.run(context, log, bus);
  } finally {
    await bus.close();
  }
}
