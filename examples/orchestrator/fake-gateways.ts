// Devices that are none: a WebSocket server with a gateway on each path, speaking device-protocol.ts.
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { closeCodes, type FromGateway, readMessage, ToGateway } from './device-protocol.ts';

export interface FakeGateways extends AsyncDisposable {
  /** Puts a device on a path that has none. */
  add(path: string, login: DeviceLogin): FakeGateway;
}

export interface DeviceLogin {
  readonly email: string;
  readonly password: string;
}

export interface FakeGateway {
  readonly url: string;
  /** How many connections have logged in and are open. */
  sessions(): number;
  /** How often it was logged in to, and how often that was refused. */
  logins(): { readonly accepted: number; readonly refused: number };
  /** From now on it wants this login; who has logged in with another one is sent away. */
  setLogin(login: DeviceLogin): void;
  /** From now on it reads what it is sent, and says nothing: a device that hangs. */
  silence(): void;
  /** It answers again. What came meanwhile stays without an answer. */
  speak(): void;
  /** Tells those who have logged in what it has measured. */
  measure(sensor: string, value: number, unit: string): void;
  /** All connections break, without a word; it can be connected to again. */
  cut(): void;
}

interface Device {
  login: DeviceLogin;
  silent: boolean;
  readonly sockets: Set<WebSocket>;
  readonly sessions: Set<WebSocket>;
  accepted: number;
  refused: number;
}

/** Listens on a free port of this machine. Disposed of, it breaks all connections and gives the port back. */
export async function startFakeGateways(): Promise<FakeGateways> {
  const devices = new Map<string, Device>();
  const server = new WebSocketServer({
    host: '127.0.0.1',
    port: 0,
    verifyClient: ({ req }: { readonly req: IncomingMessage }) => devices.has(req.url ?? ''),
  });
  server.on('connection', (socket, { url = '' }) => {
    const device = devices.get(url);
    if (device !== undefined) serve(device, socket);
  });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  return {
    add(path, login) {
      if (devices.has(path)) throw new Error(`There is a device on ${path} already.`);
      const device = {
        login,
        silent: false,
        sockets: new Set<WebSocket>(),
        sessions: new Set<WebSocket>(),
        accepted: 0,
        refused: 0,
      };
      devices.set(path, device);
      return controlsOf(device, `ws://127.0.0.1:${port}${path}`);
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of server.clients) socket.terminate();
      await closed;
    },
  };
}

function controlsOf(device: Device, url: string): FakeGateway {
  return {
    url,
    sessions: () => device.sessions.size,
    logins: () => ({ accepted: device.accepted, refused: device.refused }),
    setLogin(login) {
      device.login = login;
      for (const socket of device.sessions) socket.close(closeCodes.otherPassword);
    },
    silence() {
      device.silent = true;
    },
    speak() {
      device.silent = false;
    },
    measure(sensor, value, unit) {
      const at = new Date().toISOString();
      for (const socket of device.sessions) say(device, socket, { type: 'reading', sensor, value, unit, at });
    },
    cut() {
      for (const socket of device.sockets) socket.terminate();
    },
  };
}

function serve(device: Device, socket: WebSocket): void {
  device.sockets.add(socket);
  socket.on('close', () => {
    device.sockets.delete(socket);
    device.sessions.delete(socket);
  });
  // A connection that breaks tells why before it closes, and the closing is all that matters.
  socket.on('error', () => socket.terminate());
  socket.on('message', (data, isBinary) => {
    const message = isBinary ? undefined : readMessage(ToGateway, String(data));
    if (message !== undefined && !device.silent) answer(device, socket, message);
  });
}

function answer(device: Device, socket: WebSocket, message: ToGateway): void {
  if (message.type === 'ping') {
    say(device, socket, { type: 'pong' });
  } else if (message.email === device.login.email && message.password === device.login.password) {
    device.accepted += 1;
    device.sessions.add(socket);
    say(device, socket, { type: 'welcome' });
  } else {
    device.refused += 1;
    say(device, socket, { type: 'refused' });
    socket.close(closeCodes.refused);
  }
}

function say({ silent }: Device, socket: WebSocket, message: FromGateway): void {
  if (!silent && socket.readyState === socket.OPEN) socket.send(JSON.stringify(message));
}
