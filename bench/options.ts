// The command lines of the benchmarks: how options are read, and what is said when they make no sense.

import { type ParseArgsConfig, parseArgs } from 'node:util';

type Options = NonNullable<ParseArgsConfig['options']>;

/** What every benchmark can be asked beside options of its own. */
const ofAll = { quick: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } } as const;

/** The options of a command line, as text. Throws with a message for people when there is one that is not known. */
export function parseOptions<const Own extends Options>(args: readonly string[], own: Own) {
  try {
    return parseArgs({ args: [...args], options: { ...own, ...ofAll } }).values;
  } catch (error) {
    throw new Error(`${(error as Error).message}. Say --help for all options.`, { cause: error });
  }
}

/** A whole number from 1 on. Throws with a message for people when the text is none. */
export function atLeastOne(option: string, text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new Error(`${option} is '${text}', which is not a whole number from 1 on. Correct it, or leave it out.`);
}

/** A number above 0. Throws with a message for people when the text is none. */
export function positive(option: string, text: string): number {
  const number = Number(text);
  if (number > 0 && Number.isFinite(number)) return number;
  throw new Error(`${option} is '${text}', which is not a number above 0. Correct it, or leave it out.`);
}
