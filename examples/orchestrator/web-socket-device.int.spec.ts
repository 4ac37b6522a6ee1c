import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../../test/support/eventually.ts';
import type { DeviceNews } from './device.ts';
import { type FakeGateway, type FakeGateways, startFakeGateways } from './fake-gateways.ts';
import { webSocketDevice } from './web-socket-device.ts';

const login = { email: 'admin@acme.example', password: 'correct horse ü' };

let fakes: FakeGateways;
let device: FakeGateway;

beforeEach(async () => {
  fakes = await startFakeGateways();
  device = fakes.add('/gateway', login);
});

afterEach(() => fakes?.[Symbol.asyncDispose]());

describe('a link', () => {
  it('tells that it is open, welcomed, and of every sign of life', async () => {
    const { link, news } = connect(device.url);
    await heard(news, { type: 'opened' });
    link.logIn(login.email, login.password);
    await heard(news, { type: 'welcomed' });
    link.ping();
    await heard(news, { type: 'heard' });
    device.measure('hall', 21.5, '°C');
    await heard(news, {
      type: 'heard',
      reading: { sensor: 'hall', value: 21.5, unit: '°C', at: expect.stringMatching(/Z$/) },
    });
  });

  it('tells that the login is refused, before it is closed', async () => {
    const { link, news } = connect(device.url);
    await heard(news, { type: 'opened' });
    link.logIn(login.email, 'another one');
    await heard(news, { type: 'closed', reason: 'it closed the connection with 4401' });
    expect(news).toContainEqual({ type: 'refused' });
  });

  it('tells that the connection broke, and when there was none to begin with', async () => {
    const { news } = connect(device.url);
    await heard(news, { type: 'opened' });
    device.cut();
    await heard(news, { type: 'closed', reason: 'it cannot be reached, or the connection broke' });

    const other = connect(`${device.url}-that-is-not`);
    await heard(other.news, { type: 'closed', reason: 'it cannot be reached, or the connection broke' });
  });

  it('says nothing before it is open, nor when it is closed', async () => {
    const { link, news } = connect(device.url);
    link.logIn(login.email, login.password);
    await heard(news, { type: 'opened' });
    device.cut();
    await heard(news, { type: 'closed', reason: 'it cannot be reached, or the connection broke' });
    link.logIn(login.email, login.password);
    link.ping();
    expect(device.logins()).toEqual({ accepted: 0, refused: 0 });
  });

  it('is not heard of once it was closed', async () => {
    const { link, news } = connect(device.url);
    await heard(news, { type: 'opened' });
    link.logIn(login.email, login.password);
    await heard(news, { type: 'welcomed' });
    const before = news.length;
    device.measure('hall', 21.5, '°C');
    link.close();
    await eventually(() => expect(device.sessions()).toBe(0));
    // Another one is told of its end later than the first would have been.
    const witness = connect(device.url);
    await heard(witness.news, { type: 'opened' });
    device.cut();
    await heard(witness.news, { type: 'closed', reason: 'it cannot be reached, or the connection broke' });
    expect(news).toHaveLength(before);
  });

  it('cannot be had to what is no address of a WebSocket, and repeats nothing of it', () => {
    expect(() => connect('wss://10.0.0.1/ws#secret')).toThrow(
      /^its address is none that a WebSocket can be opened to$/,
    );
  });
});

function connect(url: string) {
  const news: DeviceNews[] = [];
  return { news, link: webSocketDevice.connect(url, (one) => news.push(one)) };
}

async function heard(news: readonly DeviceNews[], expected: DeviceNews): Promise<void> {
  await eventually(() => expect(news).toContainEqual(expected));
}
