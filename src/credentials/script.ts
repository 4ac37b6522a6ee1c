// `npm run credentials`: what an operator does so that connectors may read passwords. A row for each action.
import type { Action } from './action.ts';
import { connectorKeygenAction, keygenAction } from './keygen.ts';
import { tokenAction } from './token-action.ts';

const actions: ReadonlyMap<string, Action> = new Map([
  ['keygen', keygenAction],
  ['connector-keygen', connectorKeygenAction],
  ['token', tokenAction],
]);

/** The actions, a paragraph each. */
export const credentialsHelp = [...actions]
  .map(([name, { help }]) => `  ${name}\n      ${help.replaceAll('\n', '\n      ')}`)
  .join('\n');

/** Does what the words after the script's name ask for. */
export async function runCredentials([name = '', ...more]: readonly string[]): Promise<void> {
  const action = actions.get(name);
  if (action === undefined) {
    const known = [...actions.keys()].join(', ');
    throw new Error(`${name === '' ? 'Say what to do' : `Unknown: ${name}`}. There are ${known}; --help explains.`);
  }
  await action.run(more);
}
