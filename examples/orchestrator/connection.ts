// Performs what connection-state.ts decides, for one gateway: the one place with timers and a socket.
import { type Credential, CredentialRefused, type Gateway } from '../../client/src/index.ts';
import { type Backoff, delayAfter } from './backoff.ts';
import {
  begin,
  type ConnectionEffect,
  type ConnectionInput,
  type ConnectionState,
  step,
  unreachable,
} from './connection-state.ts';
import type { Device, DeviceNews, Link, Reading } from './device.ts';
import type { Gate } from './gate.ts';

export interface Connection {
  /** The gateway as it is now. */
  update(gateway: Gateway): void;
  /** For good: the gateway is gone, or the orchestrator ends. */
  close(): void;
}

export type ConnectionStatus = ConnectionState['status'];

/** A connection went from one state to another. Holds no secret. */
export interface Transition {
  readonly gateway: Gateway;
  readonly from: ConnectionStatus;
  readonly to: ConnectionStatus;
  /** Why something failed. */
  readonly reason?: string | undefined;
}

export interface ConnectionDependencies {
  /** @throws CredentialRefused, or any other error when nobody answers */
  readonly readCredential: (gatewayId: string) => Promise<Credential>;
  readonly sendBeat: (gateway: Gateway) => void;
  readonly device: Device;
  readonly gate: Gate;
  readonly settings: ConnectionSettings;
  readonly report: (transition: Transition) => void;
  readonly takeReading: (gateway: Gateway, reading: Reading) => void;
  /** From 0 to 1, for the jitter. */
  readonly chance: () => number;
}

/** Times in milliseconds. */
export interface ConnectionSettings {
  /** Between two heartbeats. The registry takes a gateway for offline after 90 s without one. */
  readonly beatEvery: number;
  /** How long a device may take to open a connection and to welcome us. */
  readonly patience: number;
  readonly backoff: Backoff;
}

/** Connects to a gateway, and again whenever it has to, until it is closed. */
export function startConnection(gateway: Gateway, dependencies: ConnectionDependencies): Connection {
  const { readCredential, sendBeat, device, gate, settings, report, takeReading, chance } = dependencies;
  const beginning = begin(gateway);
  let state: ConnectionState = beginning.state;
  // All that is under way, and ends when it is dropped: the link, timers, and what is needed until the gateway welcomes us (a
  // place in the gate, a limit to how long it takes).
  let attempt = new DisposableStack();
  let login = attempt.use(new DisposableStack());
  let link: Link | undefined;

  beginning.effects.forEach(perform);
  return {
    update: (changed) => take({ type: 'changed', gateway: changed }),
    close: () => take({ type: 'disappeared' }),
  };

  function take(input: ConnectionInput): void {
    const from = state.status;
    const next = step(state, input);
    state = next.state;
    if (from !== state.status) {
      const reason = state.status === 'backing-off' ? state.reason : undefined;
      report({ gateway: state.gateway, from, to: state.status, reason });
    }
    next.effects.forEach(perform);
  }

  function perform(effect: ConnectionEffect): void {
    switch (effect.type) {
      case 'drop':
        drop();
        break;
      case 'ask':
        ask();
        break;
      case 'connect':
        connect(effect.url);
        break;
      case 'log-in':
        link?.logIn(effect.email, effect.password);
        break;
      case 'settle':
        settle();
        break;
      case 'ping':
        link?.ping();
        break;
      case 'beat':
        sendBeat(state.gateway);
        break;
      case 'back-off':
        backOff(effect.failures, effect.retryAfter);
        break;
      default:
        unreachable(effect);
    }
  }

  function backOff(failures: number, retryAfter: number): void {
    after(delayAfter(failures, retryAfter, settings.backoff, chance()), { type: 'due' }, attempt);
  }

  function drop(): void {
    attempt.dispose();
    attempt = new DisposableStack();
    login = attempt.use(new DisposableStack());
    link = undefined;
  }

  function ask(): void {
    const tell = teller();
    const read = async () => tell(await answerOf(state.gateway.id));
    login.defer(gate.enter(() => void read()));
  }

  async function answerOf(gatewayId: string): Promise<ConnectionInput> {
    try {
      return { type: 'answered', credential: await readCredential(gatewayId) };
    } catch (error) {
      const { code, retryAfter } = error instanceof CredentialRefused ? error : {};
      // Most likely all of us ask too much: whoever asks now would be refused as well.
      if (code === 'TOO_MANY_REQUESTS') gate.pause((retryAfter ?? 1) * 1_000);
      return { type: 'failed', reason: `it gets no password: ${messageOf(error)}`, retryAfter };
    }
  }

  function connect(url: string): void {
    const tell = teller();
    try {
      const opening = device.connect(url, (news) => tell(inputOf(news)));
      attempt.defer(() => opening.close());
      link = opening;
    } catch (error) {
      tell({ type: 'failed', reason: messageOf(error) });
      return;
    }
    const reason = `no welcome within ${settings.patience / 1_000} s`;
    after(settings.patience, { type: 'failed', reason }, login);
  }

  function inputOf(news: DeviceNews): ConnectionInput {
    switch (news.type) {
      case 'refused':
        return { type: 'failed', reason: 'it refuses the login' };
      case 'closed':
        return { type: 'failed', reason: news.reason };
      case 'heard':
        if (news.reading !== undefined) takeReading(state.gateway, news.reading);
        return { type: 'heard' };
      default:
        return news;
    }
  }

  function settle(): void {
    login.dispose();
    const tell = teller();
    const timer = setInterval(() => tell({ type: 'tick' }), settings.beatEvery);
    attempt.defer(() => clearInterval(timer));
  }

  function after(milliseconds: number, input: ConnectionInput, scope: DisposableStack): void {
    const tell = teller();
    const timer = setTimeout(() => tell(input), milliseconds);
    scope.defer(() => clearTimeout(timer));
  }

  /** Tells what comes of the present attempt; what comes of an earlier one is nobody's business any more. */
  function teller(): (input: ConnectionInput) => void {
    const present = attempt;
    return (input) => {
      if (present === attempt) take(input);
    };
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
