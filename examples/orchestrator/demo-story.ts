// What the demonstration plays, one thing after the other. Each waits for what follows from it.
import type { DemoRegistry } from './demo-registry.ts';
import type { FakeGateway, FakeGateways } from './fake-gateways.ts';
import type { Stage } from './stage.ts';

export interface Scene {
  readonly registry: DemoRegistry;
  readonly fakes: FakeGateways;
  readonly stage: Stage;
  readonly tell: (line: string) => void;
}

interface Gateway {
  /** The registry's id of it. */
  readonly id: string;
  readonly name: string;
  readonly device: FakeGateway;
}

const email = 'admin@acme.example';
const names = ['GW-NORTH', 'GW-SOUTH', 'GW-GATE'] as const;
/** After so many seconds without a heartbeat the registry takes these gateways for offline, instead of the usual 90. */
const offlineAfterSeconds = 2;

/** Plays it to its end. Rejects when something does not come, or when those on the stage are told to stop. */
export async function playStory(scene: Scene): Promise<void> {
  const { north, south, gate, otherFactory } = await createGateways(scene);
  await measure(scene, north);
  await changePassword(scene, south);
  await changeUrl(scene, north);
  await move(scene, gate, otherFactory);
  await silence(scene, south);
  await deleteAndRestore(scene, gate);
}

async function createGateways(scene: Scene) {
  const { registry, stage, tell } = scene;
  tell(
    'An organization gets two factories and three gateways. The orchestrator hears of each, asks for its password, logs in.',
  );
  const { id: organization_id } = await registry.ask('POST', '/api/organizations', { name: 'Acme Manufacturing' });
  const [first, second] = await Promise.all(
    ['Springfield Plant', 'Shelbyville Plant'].map((name) =>
      registry.ask('POST', '/api/factories', { organization_id, name }),
    ),
  );
  if (first === undefined || second === undefined) throw new Error('The registry has made no factories.');
  const create = async (name: string): Promise<Gateway> => {
    const login = { email, password: `the first one of ${name}` };
    const device = scene.fakes.add(`/${name.toLowerCase()}`, login);
    const { id } = await registry.ask('POST', '/api/gateways', {
      factory_id: first.id,
      gateway_id: name,
      name,
      url: device.url,
      ...login,
      metadata: { offline_after_seconds: offlineAfterSeconds },
    });
    return { id, name, device };
  };
  const created: Gateway[] = [];
  await stage.until(names, ['connected'], async () => {
    for (const name of names) created.push(await create(name));
  });
  const [north, south, gate] = created;
  if (north === undefined || south === undefined || gate === undefined) throw new Error('There are no gateways.');
  return { north, south, gate, otherFactory: second.id };
}

async function measure({ registry, tell }: Scene, { id, name, device }: Gateway): Promise<void> {
  tell(`${name} measures something. As long as a gateway is heard of, the registry is sent heartbeats for it.`);
  device.measure('north wing', 21.5, '°C');
  await registry.untilStatus(id, 'online');
  tell(`By these it knows that ${name} is online.`);
}

async function changePassword({ registry, stage, tell }: Scene, { id, name, device }: Gateway): Promise<void> {
  tell(`${name} gets a new password in the registry, but does not know of it yet: it refuses the login.`);
  const password = `the second one of ${name}`;
  await stage.until([name], ['waiting', 'backing-off'], () => registry.ask('PUT', `/api/gateways/${id}`, { password }));
  tell(`Now ${name} has the new password as well. The orchestrator asks the registry again, and gets in.`);
  await stage.until([name], ['connected'], () => device.setLogin({ email, password }));
}

async function changeUrl({ registry, fakes, stage, tell }: Scene, { id, name }: Gateway): Promise<void> {
  tell(`${name} gets another address. The orchestrator leaves the old one, and logs in at the new one.`);
  const { url } = fakes.add(`/${name.toLowerCase()}-2`, { email, password: `the first one of ${name}` });
  await stage.until([name], ['waiting', 'connected'], () => registry.ask('PUT', `/api/gateways/${id}`, { url }));
}

async function move({ registry, stage, tell }: Scene, gateway: Gateway, factory_id: string): Promise<void> {
  const { id, name, device } = gateway;
  tell(`${name} moves to the other factory. Nothing else is new about it: the connection stays.`);
  await registry.ask('POST', `/api/gateways/${id}/move`, { factory_id });
  await stage.untilBeats(name, 2);
  if (device.logins().accepted !== 1) throw new Error(`${name} was logged in to again, for nothing.`);
}

async function silence({ registry, stage, tell }: Scene, { id, name, device }: Gateway): Promise<void> {
  tell(`${name} hangs: its connection is open, and nothing comes. The heartbeats stop, and a new connection is tried.`);
  await stage.until([name], ['backing-off'], () => device.silence());
  await registry.untilStatus(id, 'offline');
  tell(
    `${name} is offline, says the registry. Now it works again; the registry believes that after ten seconds at the earliest.`,
  );
  await stage.until([name], ['connected'], () => device.speak());
  await registry.untilStatus(id, 'online');
  tell(`${name} is online, says the registry.`);
}

async function deleteAndRestore({ registry, stage, tell }: Scene, { id, name }: Gateway): Promise<void> {
  tell(`${name} is deleted. The orchestrator closes the connection.`);
  await stage.until([name], ['closed'], () => registry.ask('DELETE', `/api/gateways/${id}`));
  tell(`${name} is restored.`);
  await stage.until([name], ['connected'], () => registry.ask('POST', `/api/gateways/${id}/restore`));
}
