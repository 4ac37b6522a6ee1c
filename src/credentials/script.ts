// `npm run credentials`: what an operator does so that connectors may read passwords, and sees who did. A row for each action.
import type { Arguments, Context, OpenLog, Server } from '../context.ts';
import type { Action } from './action.ts';
import { auditAction } from './audit-action.ts';
import { connectorKeygenAction, keygenAction } from './keygen.ts';
import { tokenAction } from './token-action.ts';

const actions: ReadonlyMap<string, Action> = new Map([
  ['keygen', keygenAction],
  ['connector-keygen', connectorKeygenAction],
  ['token', tokenAction],
  ['audit', auditAction],
]);

/** The actions, a paragraph each. */
export const credentialsHelp = [...actions]
  .map(([name, { help }]) => `  ${name}\n      ${help.replaceAll('\n', '\n      ')}`)
  .join('\n');

/** The servers that an action needs; none where there is no such action. */
export function serversForCredentials({ words: [name = ''] = [] }: Arguments): readonly Server[] {
  return actions.get(name)?.servers ?? [];
}

/** Does what the words after the script's name ask for. */
export async function runCredentials(context: Context, openLog: OpenLog): Promise<void> {
  const [name = '', ...more] = context.arguments.words ?? [];
  const action = actions.get(name);
  if (action === undefined) {
    const known = [...actions.keys()].join(', ');
    throw new Error(`${name === '' ? 'Say what to do' : `Unknown: ${name}`}. There are ${known}; --help explains.`);
  }
  await action.run(more, context, openLog);
}
