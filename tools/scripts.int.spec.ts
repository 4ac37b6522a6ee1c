// Every npm script explains itself, and none does its work when it is asked to.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { plainEnvironment } from '../test/support/plain-environment.ts';

const project = dirname(dirname(fileURLToPath(import.meta.url)));
const { scripts } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8')) as {
  scripts: Readonly<Record<string, string>>;
};
const names = Object.keys(scripts).filter((name) => !/^(pre|post)/.test(name));

describe('--help', () => {
  it.concurrent.each(names)('is answered by npm run %s', async (name) => {
    const { code, output } = await run(name, ['--help']);
    expect(code, output).toBe(0);
    expect(output).toMatch(/npm (start|test|run)|usage|commands/i);
  });

  it.each(['test', 'check'])('of npm run %s names its steps', async (name) => {
    const { output } = await run(name, ['--help']);
    expect(output).toContain(`npm ${name === 'test' ? 'test' : 'run check'}`);
    expect(output).toMatch(/ {2}npm run check/);
  });
});

describe('a script', () => {
  it.each(names.filter((name) => !name.startsWith('docker:')))('installs what is missing first: %s', (name) => {
    expect(scripts[`pre${name}`]).toBe('node tools/install.mjs');
  });

  it.each(names)('has no shell between npm and itself, which would keep signals to itself: %s', (name) => {
    expect(scripts[name]).toMatch(/^exec [^;&|]+$/);
  });
});

describe('a script of several steps', () => {
  it('ends with the code of the first that fails', async () => {
    const { code, output } = await runShell("node tools/steps.mjs 'echo one' 'sh -c \"exit 3\"' 'echo three' --");
    expect({ code, output }).toEqual({ code: 3, output: 'one\n' });
  });

  it('gives arguments to its last step, as they are', async () => {
    const { code, output } = await runShell("node tools/steps.mjs 'echo one' 'printf %s,%s' -- 'a b' '$HOME'");
    expect({ code, output }).toEqual({ code: 0, output: 'one\na b,$HOME' });
  });
});

function run(name: string, args: readonly string[]) {
  return runShell(`${scripts[name]} ${args.join(' ')}`, { npm_lifecycle_event: name });
}

/** As npm runs it, without the second that npm itself takes. */
async function runShell(command: string, environment: NodeJS.ProcessEnv = {}) {
  const plain = plainEnvironment();
  const child = spawn('sh', ['-c', command], {
    cwd: project,
    env: { ...plain, PATH: `${join(project, 'node_modules', '.bin')}:${plain.PATH}`, NO_COLOR: '1', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
  const [code] = await once(child, 'close');
  return { code: code as number | null, output };
}
