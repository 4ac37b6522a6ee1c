import type { z } from 'zod';

/**
 * Reads words of the form name=value.
 *
 * @param complaint what the words fail to be
 * @throws Error that says what is wrong with which word, and how they are used
 */
export function readPairs<Schema extends z.ZodType>(
  words: readonly string[],
  { schema, complaint, usage }: { readonly schema: Schema; readonly complaint: string; readonly usage: string },
): z.output<Schema> {
  const pairs = words.map((word): [string, string] => {
    const [name = '', ...value] = word.split('=');
    return [name, value.join('=')];
  });
  const twice = pairs.filter(([name], index) => pairs.findIndex(([other]) => other === name) < index);
  const parsed = schema.safeParse(Object.fromEntries(pairs));
  if (parsed.success && twice.length === 0) return parsed.data;
  const complaints = (parsed.error?.issues ?? []).map(({ path, code, message }) => {
    if (code === 'unrecognized_keys') return '  there is a word too many';
    const [name] = path;
    return pairs.some(([given]) => given === name) ? `  ${String(name)}: ${message}` : `  ${String(name)} is missing`;
  });
  const lines = [...complaints, ...twice.map(([name]) => `  ${name} is there twice`)];
  throw new Error(`${complaint}:\n${lines.join('\n')}\nUsage: ${usage}`);
}
