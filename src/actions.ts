// Scripts that do one of several things, as in `npm run keys -- rotate`: each is a table of actions.
import type { Arguments, Context, OpenLog, Server } from './context.ts';

export interface Action {
  /** What stands behind its name on the command line; empty when nothing may. */
  readonly takes: string;
  readonly help: string;
  readonly servers: readonly Server[];
  /** @throws Error with a message for people; the process then ends with 1 */
  readonly run: (given: Given) => Promise<void>;
}

/** What an action is given to work with. */
export interface Given {
  readonly context: Context;
  readonly openLog: OpenLog;
  /** What stands behind its name. */
  readonly words: readonly string[];
}

/** A script of actions. */
export interface Actions {
  readonly usage: string;
  /** The actions, a paragraph each. */
  readonly help: string;
  /** The servers that an action needs; none where the words ask for nothing that there is. */
  servers(args: Arguments): readonly Server[];
  /**
   * Does what the words behind the script's name ask for.
   *
   * @throws Error with a message for people, when they ask for nothing that there is or when it cannot be done
   */
  run(context: Context, openLog: OpenLog): Promise<void>;
}

interface Chosen {
  readonly action: Action;
  readonly words: readonly string[];
}

/** The script of this name, whose actions are these, by their names. */
export function actionsOf(script: string, actions: Readonly<Record<string, Action>>): Actions {
  const byName = new Map(Object.entries(actions));
  const command = `npm run ${script} --`;
  return {
    usage: `${command} <action>`,
    help: [...byName].map(paragraphOf).join('\n'),
    servers: (args) => {
      const chosen = choose(args);
      return typeof chosen === 'string' ? [] : chosen.action.servers;
    },
    async run(context, openLog) {
      const chosen = choose(context.arguments);
      if (typeof chosen === 'string') throw new Error(chosen);
      await chosen.action.run({ context, openLog, words: chosen.words });
    },
  };

  /** The action that is asked for, or what is wrong with the words. */
  function choose({ words: [name = '', ...words] = [] }: Arguments): string | Chosen {
    const action = byName.get(name);
    if (action === undefined) {
      const known = [...byName.keys()].join(', ');
      return `${name === '' ? 'Say what to do' : `Unknown: ${name}`}. There are ${known}; --help explains.`;
    }
    if (action.takes === '' && words.length > 0) {
      return `Too much: ${words.join(' ')}. Usage: ${command} ${name}`;
    }
    return { action, words };
  }
}

function paragraphOf([name, { takes, help }]: readonly [string, Action]): string {
  return `${`  ${name} ${takes}`.trimEnd()}\n      ${help.replaceAll('\n', '\n      ')}`;
}
