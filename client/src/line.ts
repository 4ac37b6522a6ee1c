// Whether a connection is there just now. What is sent while it is not, the library drops at its next try to connect without a word;
// what is sent during the try that succeeds goes out then, and its time may be over.
import { EventEmitter } from 'node:events';
import { Events, type NatsConnection } from 'nats';

export interface Line {
  isUp(): boolean;
  /**
   * `lost`: the connection is gone, for a while or for good. `back`: it is there again. `denied`: nothing may be published to that
   * subject; to whoever waits for an answer the library says so, to others it does not.
   */
  readonly changes: EventEmitter<{ lost: []; back: []; denied: [subject: string] }>;
}

const lines = new WeakMap<NatsConnection, Line>();

/** The line of a connection: one for all that use it, as the library has no way to end the listening to its status. */
export function lineOf(nats: NatsConnection): Line {
  const known = lines.get(nats);
  if (known !== undefined) return known;
  let isUp = !nats.isClosed();
  const changes: Line['changes'] = new EventEmitter();
  changes.setMaxListeners(0);
  const line: Line = { isUp: () => isUp, changes };
  lines.set(nats, line);
  follow().then(lose, lose);
  nats.closed().then(lose, lose);
  return line;

  async function follow(): Promise<void> {
    for await (const { type, permissionContext } of nats.status()) {
      if (type === Events.Disconnect) {
        lose();
      } else if (type === Events.Reconnect) {
        isUp = true;
        changes.emit('back');
      } else if (permissionContext?.operation === 'publish') {
        changes.emit('denied', permissionContext.subject);
      }
    }
  }

  function lose(): void {
    if (!isUp) return;
    isUp = false;
    changes.emit('lost');
  }
}
