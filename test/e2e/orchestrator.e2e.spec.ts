// The orchestrator of examples/, as it is run, between the registry, as it is run, and devices that are none.
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type House, login, openHouse, startScene } from './orchestrator-scene.ts';

let house: House;

beforeAll(async () => {
  house = await openHouse();
});

afterAll(() => house?.[Symbol.asyncDispose]());

describe('a gateway', () => {
  it('that is created is logged in to, and online by its heartbeats', async () => {
    await using scene = await startScene(house);
    const { id, device } = await scene.create();
    await eventually(() => device.sessions() === 1);
    await eventually(() => scene.beatsOf(id) > 2);
    await eventually(async () => (await scene.statusOf(id)) === 'online');
    expect(device.logins()).toEqual({ accepted: 1, refused: 0 });
  });

  it('that was there before the orchestrator is logged in to as well', async () => {
    await using before = await startScene(house);
    const { device } = await before.create();
    await eventually(() => device.sessions() === 1);
    await before[Symbol.asyncDispose]();
    await eventually(() => device.sessions() === 0);
    await using orchestrator = house.orchestrate(before.organization);
    await eventually(() => device.sessions() === 1);
    await eventually(() => orchestrator.output().includes('logging in → connected'));
  });

  it('that gets a new password is logged in to anew, with that', async () => {
    await using scene = await startScene(house);
    const { id, device } = await scene.create();
    await eventually(() => device.sessions() === 1);
    await house.ask('PUT', `/api/gateways/${id}`, { password: 'battery staple' });
    await eventually(() => device.logins().refused > 0);
    device.setLogin({ ...login, password: 'battery staple' });
    await eventually(() => device.sessions() === 1);
    expect(scene.output()).toContain('it refuses the login');
    expect(scene.output()).not.toMatch(/correct horse|battery staple/);
  });

  it('that gets another address is left at the one before', async () => {
    await using scene = await startScene(house);
    const { id, device } = await scene.create();
    await eventually(() => device.sessions() === 1);
    const other = house.addDevice();
    await house.ask('PUT', `/api/gateways/${id}`, { url: other.url });
    await eventually(() => other.sessions() === 1 && device.sessions() === 0);
  });

  it('that moves, and gets another name, keeps its connection', async () => {
    await using scene = await startScene(house);
    const { id, device } = await scene.create();
    await eventually(() => device.sessions() === 1);
    const factory = await scene.createFactory();
    const moved = await house.ask('POST', `/api/gateways/${id}/move`, { factory_id: factory });
    expect(moved.status).toBe(200);
    await house.ask('PUT', `/api/gateways/${id}`, { name: 'Hall 2' });
    // Changes are heard in their order: who has come after the move is connected when the move has been heard.
    const witness = await scene.create();
    await eventually(() => witness.device.sessions() === 1);
    const beats = scene.beatsOf(id);
    await eventually(() => scene.beatsOf(id) > beats);
    expect(device.logins().accepted).toBe(1);
    expect(device.sessions()).toBe(1);
  });

  it('that is deleted is left, and has no more heartbeats until it is restored', async () => {
    await using scene = await startScene(house);
    const { id, device } = await scene.create();
    await eventually(() => device.sessions() === 1);
    await house.ask('DELETE', `/api/gateways/${id}`);
    await eventually(() => device.sessions() === 0);
    // Both are told of by one connection to NATS: what was under way has come when a later one is heard.
    const witness = await scene.create();
    await eventually(() => scene.beatsOf(witness.id) > 0);
    const beats = scene.beatsOf(id);
    await eventually(() => scene.beatsOf(witness.id) > 5);
    expect(scene.beatsOf(id)).toBe(beats);

    await house.ask('POST', `/api/gateways/${id}/restore`);
    await eventually(() => device.sessions() === 1 && scene.beatsOf(id) > beats);
  });

  it('that goes with its factory is left, and comes back with it', async () => {
    await using scene = await startScene(house);
    const { device } = await scene.create();
    await eventually(() => device.sessions() === 1);
    await house.ask('DELETE', `/api/factories/${scene.factory}`);
    await eventually(() => device.sessions() === 0);
    await house.ask('POST', `/api/factories/${scene.factory}/restore`);
    await eventually(() => device.sessions() === 1);
  });

  it('that hangs is offline, and has heartbeats again when it works', async () => {
    await using scene = await startScene(house);
    const { id, device } = await scene.create({ metadata: { offline_after_seconds: 1 } });
    await eventually(async () => (await scene.statusOf(id)) === 'online');
    device.silence();
    await eventually(async () => (await scene.statusOf(id)) === 'offline');
    const beats = scene.beatsOf(id);
    device.speak();
    await eventually(() => scene.beatsOf(id) > beats);
  });
});

describe('a registry that is killed, NATS with it,', () => {
  it('costs no connection, and what changes afterwards is heard', async () => {
    await using scene = await startScene(house);
    const { id, device } = await scene.create();
    await eventually(() => device.sessions() === 1);
    await house.kill();
    await eventually(() => scene.output().includes('NATS is away'));
    await house.restart();
    await eventually(() => scene.output().includes('NATS is back'));
    expect(device.logins()).toEqual({ accepted: 1, refused: 0 });
    const beats = scene.beatsOf(id);
    await eventually(() => scene.beatsOf(id) > beats);

    device.setLogin({ ...login, password: 'battery staple' });
    await house.ask('PUT', `/api/gateways/${id}`, { password: 'battery staple' });
    await eventually(() => device.sessions() === 1);
    const later = await scene.create();
    await eventually(() => later.device.sessions() === 1);
  });
});

describe('the orchestrator', () => {
  it('says what it can be told', async () => {
    const asked = house.run('--help');
    expect(await asked.ended).toBe(0);
    expect(asked.output()).toContain('--beat-every <seconds>');
  });

  it('names the file that it misses, and the option for it', async () => {
    const asked = house.run('--key', 'nowhere.key');
    expect(await asked.ended).toBe(1);
    expect(asked.output()).toMatch(/^nowhere\.key cannot be read \(ENOENT\)\. Name the file with --key/);
  });

  it('names the file that holds no key', async () => {
    const asked = house.run('--key', 'connector.token');
    expect(await asked.ended).toBe(1);
    expect(asked.output()).toMatch(/^connector\.token holds no private key of a connector: /);
  });

  it('ends when nobody reads its lines any more', async () => {
    const running = house.run();
    await running.line(/(started)/);
    running.child.stdout?.destroy();
    await using scene = await startScene(house);
    const { device } = await scene.create();
    expect(await running.ended).toBe(0);
    await eventually(() => device.sessions() === 1);
  });

  it('waits for NATS, and can be ended meanwhile', async () => {
    // It finds its key and its token where it runs. Nobody listens on port 1.
    const waiting = house.run('--nats', 'nats://127.0.0.1:1');
    await waiting.line(/(NATS cannot be reached)/);
    waiting.child.kill('SIGTERM');
    expect(await waiting.ended).toBe(0);
  });

  it('ends when it is interrupted, though a gateway hangs, and leaves all of them', async () => {
    await using scene = await startScene(house);
    const [hanging, other] = [await scene.create(), await scene.create()];
    await eventually(() => hanging.device.sessions() === 1 && other.device.sessions() === 1);
    hanging.device.silence();
    expect(await scene.interrupt()).toBe(0);
    await eventually(() => hanging.device.sessions() === 0 && other.device.sessions() === 0);
  });
});

async function eventually(condition: () => boolean | Promise<boolean>): Promise<void> {
  await vi.waitFor(async () => expect(await condition(), String(condition)).toBe(true), {
    timeout: 60_000,
    interval: 20,
  });
}
