// The orchestrator and real WebSockets; the registry is a table in the test.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Credential, Gateway, GatewayChange } from '../../client/src/index.ts';
import { eventually } from '../../test/support/eventually.ts';
import { aCredential, aGateway } from './examples.ts';
import { type FakeGateway, type FakeGateways, startFakeGateways } from './fake-gateways.ts';
import { orchestrate } from './orchestrator.ts';
import { webSocketDevice } from './web-socket-device.ts';

const settings = { beatEvery: 100, patience: 2_000, backoff: { first: 20, longest: 100 }, loginsAtOnce: 4 };
const { email, password } = aCredential;

let fakes: FakeGateways;
let paths = 0;

beforeAll(async () => {
  fakes = await startFakeGateways();
});

afterAll(() => fakes?.[Symbol.asyncDispose]());

describe('the orchestrator', () => {
  it('logs in to a gateway, beats for it, and takes what it measures', async () => {
    await using scene = startScene();
    const { device, gateway } = scene.appear();
    await comesTrue(() => scene.beatsOf(gateway) >= 3);
    expect(device.logins()).toEqual({ accepted: 1, refused: 0 });
    device.measure('hall', 21.5, '°C');
    await comesTrue(() => scene.readings.length === 1);
    expect(scene.readings).toEqual([`${gateway.id} 21.5 °C`]);
  });

  it('logs in anew with a new password, as soon as the gateway knows it as well', async () => {
    await using scene = startScene();
    const { device, gateway } = scene.appear();
    await comesTrue(() => device.sessions() === 1);
    scene.change(gateway, { credential_version: 4 }, 'battery staple');
    await comesTrue(() => device.logins().refused > 0);
    expect(device.sessions()).toBe(0);
    device.setLogin({ email, password: 'battery staple' });
    await comesTrue(() => device.sessions() === 1);
  });

  it('asks again for a password that the gateway has before the registry', async () => {
    await using scene = startScene();
    const { device, gateway } = scene.appear();
    await comesTrue(() => device.sessions() === 1);
    device.setLogin({ email, password: 'battery staple' });
    await comesTrue(() => device.logins().refused > 0);
    scene.change(gateway, { credential_version: 4 }, 'battery staple');
    await comesTrue(() => device.sessions() === 1);
  });

  it('goes to another address, and leaves the one before', async () => {
    await using scene = startScene();
    const { device, gateway } = scene.appear();
    await comesTrue(() => device.sessions() === 1);
    const other = addDevice();
    scene.change(gateway, { url: other.url });
    await comesTrue(() => other.sessions() === 1 && device.sessions() === 0);
  });

  it('keeps the connection to a gateway that is moved', async () => {
    await using scene = startScene();
    const { device, gateway } = scene.appear();
    await comesTrue(() => device.sessions() === 1);
    scene.change(gateway, { factory_id: aGateway.organization_id });
    const beats = scene.beatsOf(gateway);
    await comesTrue(() => scene.beatsOf(gateway) > beats + 1);
    expect(device.logins().accepted).toBe(1);
  });

  it('leaves a gateway that disappears, and comes back when it is restored', async () => {
    await using scene = startScene();
    const { device, gateway } = scene.appear();
    await comesTrue(() => device.sessions() === 1);
    scene.tell({ type: 'disappeared', gateway });
    await comesTrue(() => device.sessions() === 0);
    const beats = scene.beatsOf(gateway);
    // As long as another gateway takes for some beats, this one has none.
    const witness = scene.appear();
    await comesTrue(() => scene.beatsOf(witness.gateway) > 3);
    expect(scene.beatsOf(gateway)).toBe(beats);
    scene.tell({ type: 'appeared', gateway });
    await comesTrue(() => device.sessions() === 1 && scene.beatsOf(gateway) > beats);
  });

  it('has no beat for a gateway that is silent, and is there when it speaks again', async () => {
    await using scene = startScene();
    const { device, gateway } = scene.appear();
    await comesTrue(() => scene.beatsOf(gateway) > 1);
    device.silence();
    await comesTrue(() => scene.transitions.some((line) => line.includes('it says nothing any more')));
    const beats = scene.beatsOf(gateway);
    await comesTrue(() => scene.transitions.some((line) => line.includes('no welcome within')));
    expect(scene.beatsOf(gateway)).toBe(beats);
    device.speak();
    await comesTrue(() => scene.beatsOf(gateway) > beats + 1);
  });

  it('comes back when a connection breaks, and when there was no gateway at the address yet', async () => {
    await using scene = startScene();
    const { device, gateway } = scene.appear();
    await comesTrue(() => device.sessions() === 1);
    device.cut();
    await comesTrue(() => device.sessions() === 1 && device.logins().accepted === 2);

    const path = nextPath();
    scene.change(gateway, { url: device.url.replace(/\/[^/]+$/, path) });
    await comesTrue(() => scene.transitions.some((line) => line.includes('it cannot be reached')));
    const late = fakes.add(path, { email, password });
    await comesTrue(() => late.sessions() === 1);
  });

  it('asks for no more passwords at once than it may, and gets to all gateways', async () => {
    await using scene = startScene();
    const devices = Array.from({ length: 200 }, () => scene.appear().device);
    await comesTrue(() => devices.every((device) => device.sessions() === 1));
    expect(scene.mostReadsAtOnce()).toBe(settings.loginsAtOnce);
  });

  it('closes everything when it ends', async () => {
    const scene = startScene();
    const { device } = scene.appear();
    await comesTrue(() => device.sessions() === 1);
    await scene[Symbol.asyncDispose]();
    await comesTrue(() => device.sessions() === 0);
    expect(scene.transitions.at(-1)).toContain('→ closed');
  });

  it('closes everything when the registry can be heard no more, and says why', async () => {
    const scene = startScene();
    const { device } = scene.appear();
    await comesTrue(() => device.sessions() === 1);
    scene.fail(new Error('the connection to NATS was closed'));
    await expect(scene.ended).rejects.toThrow('the connection to NATS was closed');
    await comesTrue(() => device.sessions() === 0);
  });

  it('says nothing of a password', async () => {
    await using scene = startScene();
    const { device, gateway } = scene.appear();
    scene.change(gateway, { credential_version: 4 }, 'battery staple');
    await comesTrue(() => device.logins().refused > 1);
    device.setLogin({ email, password: 'battery staple' });
    await comesTrue(() => device.sessions() === 1);
    expect(scene.transitions.length).toBeGreaterThan(4);
    expect(scene.transitions.join('\n')).not.toMatch(/correct horse|battery staple/);
  });
});

function startScene() {
  const changes = queueOf<GatewayChange>();
  const registry = new Map<string, Credential>();
  const beats = new Map<string, number>();
  const readings: string[] = [];
  const transitions: string[] = [];
  let reading = 0;
  let most = 0;
  const ended = orchestrate({
    changes: changes.items,
    readCredential: async (id) => {
      reading += 1;
      most = Math.max(most, reading);
      // As a request takes: others get their turn.
      await new Promise(setImmediate);
      reading -= 1;
      const credential = registry.get(id);
      if (credential === undefined) throw new Error('there is no such gateway');
      return credential;
    },
    sendBeat: ({ id }) => beats.set(id, (beats.get(id) ?? 0) + 1),
    device: webSocketDevice,
    settings,
    report: ({ gateway, from, to, reason = '' }) => transitions.push(`${gateway.id} ${from} → ${to} ${reason}`),
    takeReading: (gateway, { value, unit }) => readings.push(`${gateway.id} ${value} ${unit}`),
    chance: () => 0.5,
  });
  const current = new Map<string, Gateway>();

  return {
    ended,
    readings,
    transitions,
    beatsOf: ({ id }: Gateway) => beats.get(id) ?? 0,
    mostReadsAtOnce: () => most,
    tell: changes.push,
    fail: changes.fail,
    /** A gateway whose device and registry know the same. */
    appear() {
      const device = addDevice();
      const gateway = { ...aGateway, id: `gateway-${device.url}`, url: device.url };
      registry.set(gateway.id, { ...aCredential, id: gateway.id, url: gateway.url });
      current.set(gateway.id, gateway);
      changes.push({ type: 'appeared', gateway });
      return { device, gateway };
    },
    /** In the registry; the device knows nothing of it. */
    change({ id }: Gateway, fields: Partial<Gateway>, newPassword?: string) {
      const before = current.get(id);
      const credential = registry.get(id);
      if (before === undefined || credential === undefined) throw new Error('there is no such gateway');
      const gateway = { ...before, ...fields, revision: before.revision + 1 };
      const { url, credential_version } = gateway;
      registry.set(id, { ...credential, url, credential_version, password: newPassword ?? credential.password });
      current.set(id, gateway);
      changes.push({ type: 'changed', gateway, before });
    },
    async [Symbol.asyncDispose]() {
      changes.end();
      await ended;
    },
  };
}

function nextPath(): string {
  paths += 1;
  return `/gateway-${paths}`;
}

function addDevice(): FakeGateway {
  return fakes.add(nextPath(), { email, password });
}

/** What is pushed into it comes out of it, until it ends or fails. */
function queueOf<Item>() {
  const stream = new TransformStream<Item, Item>(undefined, undefined, { highWaterMark: Number.POSITIVE_INFINITY });
  const writer = stream.writable.getWriter();
  return {
    items: stream.readable,
    push: (item: Item) => void writer.write(item),
    end: () => void writer.close(),
    fail: (error: Error) => void writer.abort(error),
  };
}

async function comesTrue(condition: () => boolean): Promise<void> {
  await eventually(() => expect(condition(), String(condition)).toBe(true));
}
