// npm run example:orchestrator, from its start to nothing being left of it.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, vi } from 'vitest';
import { dataFolder } from '../support/temporary-folder.ts';
import { descendantsOf, isAlive, type Running, runProgram } from './service.ts';

const demo = 'examples/orchestrator/demo.ts';
const root = fileURLToPath(new URL('../../', import.meta.url));

describe('npm run example:orchestrator', () => {
  it('is what is run here', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      readonly scripts: Readonly<Record<string, string>>;
    };
    expect(scripts['example:orchestrator']).toBe(`exec node ${demo}`);
  });

  it('explains itself', async () => {
    await using folder = await dataFolder();
    const asked = start(folder.path, '--help');
    expect(await asked.ended).toBe(0);
    expect(asked.output()).toContain('npm run example:orchestrator');
  });

  it('plays its story to the end, and leaves nothing behind', async () => {
    await using folder = await dataFolder();
    const playing = start(folder.path, '--beat-every=0.2');
    await playing.line(/(GW-GATE is restored)/);
    const children = descendantsOf(playing.child.pid);
    expect(children.length).toBeGreaterThan(3);

    expect(await playing.ended, playing.output()).toBe(0);
    expect(playing.output().split('\n').filter(isOfTheOrchestrator).map(withoutName)).toEqual(
      expect.arrayContaining(['logging in → connected', 'connected → closed', 'north wing is 21.5 °C']),
    );
    expect(playing.output()).toContain('GW-SOUTH is offline, says the registry');
    expect(playing.output()).not.toMatch(/the (first|second) one of/);
    expect(readdirSync(folder.path)).toEqual([]);
    await untilGone(children);
  });

  it.each([
    ['while the registry starts', /(A registry starts)/],
    ['in the middle of the story', /(GW-NORTH gets another address)/],
  ])('leaves nothing behind when it is interrupted %s', async (_, when) => {
    await using folder = await dataFolder();
    const playing = start(folder.path, '--beat-every=0.2');
    await playing.line(when);
    const children = descendantsOf(playing.child.pid);
    playing.child.kill('SIGINT');

    expect(await playing.ended, playing.output()).toBe(130);
    expect(readdirSync(folder.path)).toEqual([]);
    await untilGone(children);
  });

  it('ends, and leaves nothing behind, when nobody reads its lines any more', async () => {
    await using folder = await dataFolder();
    const playing = start(folder.path, '--beat-every=0.2');
    await playing.line(/(GW-NORTH measures something)/);
    const children = descendantsOf(playing.child.pid);
    playing.child.stdout?.destroy();

    expect(await playing.ended, playing.output()).toBe(130);
    expect(readdirSync(folder.path)).toEqual([]);
    await untilGone(children);
  });

  it('leaves no process behind when it is killed', async () => {
    await using folder = await dataFolder();
    const playing = start(folder.path, '--beat-every=0.2');
    await playing.line(/(GW-NORTH measures something)/);
    const children = descendantsOf(playing.child.pid);
    expect(children.length).toBeGreaterThan(3);
    playing.child.kill('SIGKILL');

    await untilGone(children);
  });
});

function start(folder: string, argument: string): Running {
  return runProgram(demo, [argument], folder, { TMPDIR: folder });
}

async function untilGone(children: readonly number[]): Promise<void> {
  await vi.waitFor(() => expect(children.filter(isAlive)).toEqual([]), { timeout: 60_000, interval: 50 });
}

/** What happens in the story begins a line, what the orchestrator says is indented. */
function isOfTheOrchestrator(line: string): boolean {
  return line.startsWith('    ');
}

function withoutName(line: string): string {
  return line.replace(/^ +GW-[A-Z]+: /, '');
}
