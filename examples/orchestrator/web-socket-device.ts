// The protocol of device-protocol.ts, over the WebSocket client that Node has.
import type { Device, DeviceNews } from './device.ts';
import { FromGateway, readMessage, type ToGateway } from './device-protocol.ts';

export const webSocketDevice: Device = {
  connect(url, hear) {
    const socket = openSocket(url);
    const listening = new AbortController();
    const { signal } = listening;
    socket.addEventListener('open', () => hear({ type: 'opened' }), { signal });
    socket.addEventListener('message', ({ data }) => hear(newsOf(data)), { signal });
    // Its own words for the reason are the device's, and not for a log.
    socket.addEventListener('close', ({ code }) => hear({ type: 'closed', reason: reasonOf(code) }), { signal });
    const send = (message: ToGateway) => {
      // Before it is open the client would throw. Once it is closed it is about to tell so, or has.
      if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
    };
    return {
      logIn: (email, password) => send({ type: 'login', email, password }),
      ping: () => send({ type: 'ping' }),
      close() {
        listening.abort();
        // Of a device that says nothing any more the client awaits the farewell for as long as TCP does; nobody waits for that here.
        socket.close();
      },
    };
  },
};

function openSocket(url: string): WebSocket {
  try {
    return new WebSocket(url);
  } catch (error) {
    throw new Error('its address is none that a WebSocket can be opened to', { cause: error });
  }
}

function newsOf(data: unknown): DeviceNews {
  const message = readMessage(FromGateway, data);
  switch (message?.type) {
    case 'welcome':
      return { type: 'welcomed' };
    case 'refused':
      return { type: 'refused' };
    case 'reading': {
      const { type: _, ...reading } = message;
      return { type: 'heard', reading };
    }
    default:
      // A pong, or words of a newer version: it is alive.
      return { type: 'heard' };
  }
}

function reasonOf(code: number): string {
  return code === 1006 ? 'it cannot be reached, or the connection broke' : `it closed the connection with ${code}`;
}
