// `npm run projections`: what one may do with the read model while the service runs. A row for each action.
import type { Arguments, Context, OpenLog, Server } from '../context.ts';
import type { Action } from './action.ts';
import { parkedAction } from './parked-action.ts';
import { rebuildAction, rollbackAction, verifyAction } from './rebuild-action.ts';
import { statusAction } from './status-action.ts';

const actions: ReadonlyMap<string, Action> = new Map<string, Action>([
  ['status', statusAction],
  ['parked', parkedAction],
  ['rebuild', rebuildAction],
  ['rollback', rollbackAction],
  ['verify', verifyAction],
]);

/** The actions, a paragraph each. */
export const projectionsHelp = [...actions]
  .map(([name, { takes, help }]) =>
    `  ${name} ${takes}`.trimEnd().concat(`\n      ${help.replaceAll('\n', '\n      ')}`),
  )
  .join('\n');

/** The servers that its actions need; none where there is no such action. */
export function serversForProjections({ words: [name = ''] = [] }: Arguments): readonly Server[] {
  return actions.has(name) ? ['eventStore', 'postgres'] : [];
}

/** Does what the words after the script's name ask for. */
export async function runProjections(context: Context, openLog: OpenLog): Promise<void> {
  const [name = '', ...words] = context.arguments.words ?? [];
  const action = actions.get(name);
  if (action === undefined) {
    const known = [...actions.keys()].join(', ');
    throw new Error(`${name === '' ? 'Say what to do' : `Unknown: ${name}`}. There are ${known}; --help explains.`);
  }
  await using eventLog = openLog();
  await action.run(context, eventLog, words);
}
