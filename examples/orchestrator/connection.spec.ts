import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CredentialRefused } from '../../client/src/index.ts';
import { startConnection } from './connection.ts';
import type { DeviceNews, Link } from './device.ts';
import { aCredential, aGateway } from './examples.ts';
import { createGate } from './gate.ts';

const settings = { beatEvery: 30_000, patience: 10_000, backoff: { first: 1_000, longest: 60_000 } };

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('a connection', () => {
  it('is opened with the address, and logged in to with the words, that came with the password', async () => {
    const { device } = scene();
    await settled();
    expect(device.links).toEqual([{ url: aCredential.url, said: [] }]);
    device.tell({ type: 'opened' });
    expect(device.links[0]?.said).toEqual([`login ${aCredential.email} ${aCredential.password}`]);
  });

  it('has a heartbeat at once, and then as often as it is heard', async () => {
    const { device, beats } = scene();
    await logIn(device);
    expect(beats).toEqual([aGateway.id]);
    device.tell({ type: 'heard' });
    vi.advanceTimersByTime(settings.beatEvery);
    expect(beats).toHaveLength(2);
    vi.advanceTimersByTime(settings.beatEvery);
    expect(beats).toHaveLength(2);
  });

  it('is given up and made anew when nothing is heard for long enough', async () => {
    const { device, transitions } = scene();
    await logIn(device);
    vi.advanceTimersByTime(3 * settings.beatEvery);
    expect(transitions.at(-1)).toEqual('connected → backing-off: it says nothing any more');
    expect(device.links[0]?.said.at(-1)).toBe('closed');
    vi.advanceTimersByTime(settings.backoff.first);
    await settled();
    expect(device.links).toHaveLength(2);
  });

  it('is given up when no welcome comes, however long that takes afterwards', async () => {
    const { device, transitions } = scene();
    await settled();
    device.tell({ type: 'opened' });
    vi.advanceTimersByTime(settings.patience);
    expect(transitions.at(-1)).toEqual('logging-in → backing-off: no welcome within 10 s');
    device.tell({ type: 'welcomed' });
    expect(transitions.at(-1)).toContain('backing-off');
  });

  it('has no limit of time once it stands', async () => {
    const { device, transitions } = scene();
    await logIn(device);
    device.tell({ type: 'heard' });
    vi.advanceTimersByTime(settings.patience + settings.beatEvery);
    expect(transitions.at(-1)).toBe('logging-in → connected');
  });

  it('leaves no timer behind when it is closed, and says nothing', async () => {
    const { connection, device, beats } = scene();
    await logIn(device);
    connection.close();
    expect(vi.getTimerCount()).toBe(0);
    expect(device.links[0]?.said.at(-1)).toBe('closed');
    expect(beats).toHaveLength(1);
  });

  it('is not opened when it was closed before the password came', async () => {
    const { connection, device } = scene();
    connection.close();
    await settled();
    expect(device.links).toEqual([]);
  });

  it('keeps the place of others while it is made, and no longer', async () => {
    const gate = createGate(1);
    const { device } = scene({ gate });
    const others: string[] = [];
    gate.enter(() => others.push('another'));
    await settled();
    device.tell({ type: 'opened' });
    expect(others).toEqual([]);
    device.tell({ type: 'welcomed' });
    expect(others).toEqual(['another']);
  });

  it('is tried again when the address is none', async () => {
    const { transitions } = scene({
      connect: () => {
        throw new Error('its address is none');
      },
    });
    await settled();
    expect(transitions).toEqual(['waiting → connecting', 'connecting → backing-off: its address is none']);
  });
});

describe('a registry that refuses', () => {
  it('is asked again when it wants to be, by nobody before', async () => {
    const gate = createGate(4);
    const asked: string[] = [];
    const readCredential = async (id: string) => {
      asked.push(id);
      throw new CredentialRefused('TOO_MANY_REQUESTS', 'Too many requests by this subject.', 7);
    };
    const { transitions } = scene({ gate, readCredential });
    await settled();
    expect(transitions).toEqual(['waiting → backing-off: it gets no password: Too many requests by this subject.']);
    scene({ gate, readCredential });
    await vi.advanceTimersByTimeAsync(6_999);
    expect(asked).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1_001);
    expect(asked.length).toBeGreaterThan(1);
  });

  it('holds up nobody else when it is for this gateway', async () => {
    const gate = createGate(4);
    const readCredential = async () => {
      throw new CredentialRefused('FORBIDDEN', 'The token gives no right to it.', undefined);
    };
    scene({ gate, readCredential });
    await settled();
    const others: string[] = [];
    gate.enter(() => others.push('another'));
    expect(others).toEqual(['another']);
  });
});

describe('a reading', () => {
  it('is handed on with the gateway that it comes from', async () => {
    const { device, readings } = scene();
    await logIn(device);
    const reading = { sensor: 'hall', value: 21.5, unit: '°C', at: '2026-03-02T09:10:00Z' };
    device.tell({ type: 'heard', reading });
    expect(readings).toEqual([{ gateway: aGateway.id, reading }]);
  });
});

interface SceneOptions {
  readonly gate?: ReturnType<typeof createGate>;
  readonly readCredential?: (id: string) => Promise<typeof aCredential>;
  readonly connect?: () => Link;
}

function scene({ gate = createGate(1), readCredential = async () => aCredential, connect }: SceneOptions = {}) {
  const device = recordingDevice();
  const beats: string[] = [];
  const transitions: string[] = [];
  const readings: unknown[] = [];
  const connection = startConnection(aGateway, {
    readCredential,
    sendBeat: ({ id }) => beats.push(id),
    device: connect === undefined ? device : { connect },
    gate,
    settings,
    report: ({ from, to, reason }) => transitions.push(`${from} → ${to}${reason === undefined ? '' : `: ${reason}`}`),
    takeReading: ({ id }, reading) => readings.push({ gateway: id, reading }),
    chance: () => 1,
  });
  return { connection, device, beats, transitions, readings };
}

/** Writes down what it is told; what it tells is up to the test. */
function recordingDevice() {
  const links: { url: string; said: string[] }[] = [];
  let hear: (news: DeviceNews) => void = () => undefined;
  return {
    links,
    tell: (news: DeviceNews) => hear(news),
    connect(url: string, listener: (news: DeviceNews) => void): Link {
      const said: string[] = [];
      links.push({ url, said });
      hear = listener;
      return {
        logIn: (email, password) => said.push(`login ${email} ${password}`),
        ping: () => said.push('ping'),
        close: () => said.push('closed'),
      };
    },
  };
}

async function logIn(device: ReturnType<typeof recordingDevice>): Promise<void> {
  await settled();
  device.tell({ type: 'opened' });
  device.tell({ type: 'welcomed' });
}

/** What was promised has been delivered; no time has passed. */
async function settled(): Promise<void> {
  await vi.advanceTimersByTimeAsync(0);
}
