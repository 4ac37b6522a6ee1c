// `npm run keys`: what one may do with the keys that passwords are encrypted with. A row for each action.
import type { Arguments, Context, OpenLog, Server } from '../context.ts';
import type { Action } from './action.ts';
import { generateAction } from './generate.ts';
import { rotateAction } from './rotate-action.ts';
import { statusAction } from './status-action.ts';

const actions: ReadonlyMap<string, Action> = new Map([
  ['generate', generateAction],
  ['status', statusAction],
  ['rotate', rotateAction],
]);

/** The actions, a paragraph each. */
export const keysHelp = [...actions]
  .map(([name, { help }]) => `  ${name}\n      ${help.replaceAll('\n', '\n      ')}`)
  .join('\n');

/** The servers that an action needs; none where there is no such action. */
export function serversForKeys({ words: [name = ''] = [] }: Arguments): readonly Server[] {
  return actions.get(name)?.servers ?? [];
}

/** Does what the words after the script's name ask for. */
export async function runKeys(context: Context, openLog: OpenLog): Promise<void> {
  const [name = '', ...more] = context.arguments.words ?? [];
  const action = actions.get(name);
  if (action === undefined) {
    const known = [...actions.keys()].join(', ');
    throw new Error(`${name === '' ? 'Say what to do' : `Unknown: ${name}`}. There are ${known}; --help explains.`);
  }
  if (more.length > 0) throw new Error(`Too much: ${more.join(' ')}. Usage: npm run keys -- ${name}`);
  await action.run(context, openLog);
}
