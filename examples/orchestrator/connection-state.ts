// What a connection to one gateway is doing, and what it does next. Pure: time, sockets and chance are with who performs the
// effects.
//
//   waiting ──answered──► connecting ──opened──► logging-in ──welcomed──► connected
//      ▲                      │ failed               │ failed                 │ failed, or silent for too long
//      └───────due──────── backing-off ◄─────────────┴────────────────────────┘
//
// Another address, e-mail address or password leads back to waiting from everywhere, `disappeared` to closed.
import type { Credential, Gateway } from '../../client/src/index.ts';

export type ConnectionState =
  /** `outdated`: the gateway has changed since the password was asked for, so that the answer may be of before. */
  | { readonly status: 'waiting'; readonly gateway: Gateway; readonly failures: number; readonly outdated: boolean }
  /** The only state that has the password. */
  | {
      readonly status: 'connecting';
      readonly gateway: Gateway;
      readonly failures: number;
      readonly credential: Credential;
    }
  | { readonly status: 'logging-in'; readonly gateway: Gateway; readonly failures: number; readonly login: Login }
  | {
      readonly status: 'connected';
      readonly gateway: Gateway;
      readonly failures: number;
      readonly login: Login;
      /** Whether it has said anything since the last tick. */
      readonly heard: boolean;
      /** How many ticks it has been silent for. */
      readonly silences: number;
    }
  /** `reason` says what has come to nothing, for a log. */
  | { readonly status: 'backing-off'; readonly gateway: Gateway; readonly failures: number; readonly reason: string }
  | { readonly status: 'closed'; readonly gateway: Gateway };

/** What a connection was made with, without the password. */
export type Login = Pick<Credential, 'url' | 'email' | 'credential_version'>;

export type ConnectionInput =
  | { readonly type: 'changed'; readonly gateway: Gateway }
  | { readonly type: 'disappeared' }
  | { readonly type: 'answered'; readonly credential: Credential }
  | { readonly type: 'opened' }
  | { readonly type: 'welcomed' }
  | { readonly type: 'heard' }
  /** Whatever was under way has come to nothing; it is not worth trying again before `retryAfter` seconds. */
  | { readonly type: 'failed'; readonly reason: string; readonly retryAfter?: number | undefined }
  /** The back-off is over. */
  | { readonly type: 'due' }
  /** The time between two heartbeats has passed. */
  | { readonly type: 'tick' };

export type ConnectionEffect =
  /** Ends what is under way: closes the connection, forgets the question, stops the timers. */
  | { readonly type: 'drop' }
  | { readonly type: 'ask' }
  | { readonly type: 'connect'; readonly url: string }
  | { readonly type: 'log-in'; readonly email: string; readonly password: string }
  /** From now on there are ticks, and no limit to how long it takes. */
  | { readonly type: 'settle' }
  | { readonly type: 'ping' }
  | { readonly type: 'beat' }
  | { readonly type: 'back-off'; readonly failures: number; readonly retryAfter: number };

export interface Step {
  readonly state: ConnectionState;
  readonly effects: readonly ConnectionEffect[];
}

/** A gateway that says nothing for so many ticks has lost its connection, whatever TCP believes. */
export const mostSilences = 3;

/** How a connection begins. */
export function begin(gateway: Gateway): Step {
  return { state: waitingFor(gateway, 0), effects: [{ type: 'ask' }] };
}

/** What follows from something that happened. What has no meaning in a state changes nothing. */
export function step(state: ConnectionState, input: ConnectionInput): Step {
  if (state.status === 'closed') return unchanged(state);
  switch (input.type) {
    case 'changed':
      return change(state, input.gateway);
    case 'disappeared':
      return { state: { status: 'closed', gateway: state.gateway }, effects: [{ type: 'drop' }] };
    case 'answered':
      return state.status === 'waiting' ? judge(state, input.credential) : unchanged(state);
    case 'opened':
      return state.status === 'connecting' ? logIn(state) : unchanged(state);
    case 'welcomed':
      return state.status === 'logging-in' ? settle(state) : unchanged(state);
    case 'heard':
      return state.status === 'connected' ? { state: { ...state, heard: true }, effects: [] } : unchanged(state);
    case 'failed':
      return state.status === 'backing-off' ? unchanged(state) : backOff(state, input.reason, input.retryAfter);
    case 'due':
      if (state.status !== 'backing-off') return unchanged(state);
      return { state: waitingFor(state.gateway, state.failures), effects: [{ type: 'drop' }, { type: 'ask' }] };
    case 'tick':
      return state.status === 'connected' ? beat(state) : unchanged(state);
    default:
      return unreachable(input);
  }
}

type Open = Exclude<ConnectionState, { status: 'closed' }>;
type In<Status> = Extract<ConnectionState, { status: Status }>;

// A move or another name is nothing that a connection is made with.
function change(state: Open, gateway: Gateway): Step {
  const followed = { ...state, gateway };
  switch (state.status) {
    case 'waiting':
      return { state: { ...state, gateway, outdated: state.outdated || differs(state.gateway, gateway) }, effects: [] };
    case 'connecting':
      return differs(state.credential, gateway) ? startAnew(gateway) : { state: followed, effects: [] };
    case 'logging-in':
    case 'connected':
      return differs(state.login, gateway) ? startAnew(gateway) : { state: followed, effects: [] };
    case 'backing-off':
      // What it failed with is no more: there is nothing to wait for.
      return differs(state.gateway, gateway) ? startAnew(gateway) : { state: followed, effects: [] };
    default:
      return unreachable(state);
  }
}

function judge({ gateway, failures, outdated }: In<'waiting'>, credential: Credential): Step {
  if (outdated && differs(credential, gateway)) {
    return { state: waitingFor(gateway, failures), effects: [{ type: 'drop' }, { type: 'ask' }] };
  }
  if (credential.credential_version < gateway.credential_version) {
    return backOff({ gateway, failures }, 'the registry told a password of before');
  }
  // The password belongs to the address beside it. Where that is not the gateway's, it is what will be heard of next.
  const { url } = credential;
  return { state: { status: 'connecting', gateway, failures, credential }, effects: [{ type: 'connect', url }] };
}

function logIn({ gateway, failures, credential }: In<'connecting'>): Step {
  const { url, email, credential_version, password } = credential;
  const login = { url, email, credential_version };
  return {
    state: { status: 'logging-in', gateway, failures, login },
    effects: [{ type: 'log-in', email, password }],
  };
}

// Its welcome was a sign of life. Whether the connection lasts, and the failures before may be forgotten, is not known yet.
function settle({ gateway, failures, login }: In<'logging-in'>): Step {
  return {
    state: { status: 'connected', gateway, failures, login, heard: false, silences: 0 },
    effects: [{ type: 'settle' }, { type: 'beat' }, { type: 'ping' }],
  };
}

function beat(state: In<'connected'>): Step {
  if (state.heard) {
    return {
      state: { ...state, heard: false, silences: 0, failures: 0 },
      effects: [{ type: 'beat' }, { type: 'ping' }],
    };
  }
  const silences = state.silences + 1;
  if (silences >= mostSilences) return backOff(state, 'it says nothing any more');
  return { state: { ...state, silences }, effects: [{ type: 'ping' }] };
}

function backOff(state: Pick<Open, 'gateway' | 'failures'>, reason: string, retryAfter = 0): Step {
  const failures = state.failures + 1;
  return {
    state: { status: 'backing-off', gateway: state.gateway, failures, reason },
    effects: [{ type: 'drop' }, { type: 'back-off', failures, retryAfter }],
  };
}

function startAnew(gateway: Gateway): Step {
  return { state: waitingFor(gateway, 0), effects: [{ type: 'drop' }, { type: 'ask' }] };
}

function waitingFor(gateway: Gateway, failures: number): In<'waiting'> {
  return { status: 'waiting', gateway, failures, outdated: false };
}

function unchanged(state: ConnectionState): Step {
  return { state, effects: [] };
}

/** Whether a login is of no use for a gateway as it is now. A gateway of before the login's password says nothing about it. */
function differs(login: Login, gateway: Gateway): boolean {
  if (gateway.credential_version < login.credential_version) return false;
  return (
    gateway.credential_version > login.credential_version || gateway.url !== login.url || gateway.email !== login.email
  );
}

/** For the end of a switch: the compiler sees that nothing is left. Shows nothing of the value, which may hold a password. */
export function unreachable(_value: never): never {
  throw new Error('There is a case that nobody has thought of.');
}
