import { describe, expect, it } from 'vitest';
import type { Credential } from '../../client/src/index.ts';
import {
  begin,
  type ConnectionEffect,
  type ConnectionInput,
  type ConnectionState,
  mostSilences,
  step,
} from './connection-state.ts';
import { aCredential, aGateway } from './examples.ts';

const answered: ConnectionInput = { type: 'answered', credential: aCredential };
const failed: ConnectionInput = { type: 'failed', reason: 'it closed the connection with 1001' };
const login = [answered, { type: 'opened' }, { type: 'welcomed' }] as const;
const newPassword = changed({ credential_version: 4, revision: 4 });

describe('a gateway that appears', () => {
  it('has its password asked for', () => {
    expect(outcome()).toEqual({ status: 'waiting', effects: ['ask'] });
  });

  it('is connected to at the address that came with the password', () => {
    const elsewhere = { ...aCredential, url: 'ws://10.0.0.9/ws' };
    expect(run({ type: 'answered', credential: elsewhere }).effects).toEqual([
      { type: 'connect', url: 'ws://10.0.0.9/ws' },
    ]);
  });

  it('is logged in to when the connection is open', () => {
    const { email, password } = aCredential;
    expect(run(answered, { type: 'opened' }).effects).toEqual([{ type: 'log-in', email, password }]);
  });

  it('gets a heartbeat when it has welcomed us', () => {
    expect(outcome(...login)).toEqual({ status: 'connected', effects: ['settle', 'beat', 'ping'] });
  });

  it('is asked for a password again when the one that came is older than what is known', () => {
    const old = { ...aCredential, credential_version: aGateway.credential_version - 1 };
    expect(outcome({ type: 'answered', credential: old })).toEqual({
      status: 'backing-off',
      effects: ['drop', 'back-off'],
    });
  });
});

describe('a password', () => {
  it.each([
    ['before it is there', []],
    ['once it was sent', [answered, { type: 'opened' }]],
    ['in a connection that stands', login],
    ['after a failure', [answered, failed]],
    ['when the gateway is gone', [answered, { type: 'disappeared' }]],
    ['when there is another one', [answered, newPassword]],
  ] as const)('is not kept %s', (_, inputs) => {
    expect(JSON.stringify(run(...inputs).state)).not.toContain(aCredential.password);
  });

  it('is kept between the answer and the login, and the search above would find it', () => {
    expect(JSON.stringify(run(answered).state)).toContain(aCredential.password);
  });
});

describe('a connection that stands', () => {
  it('stays when the gateway is moved or renamed', () => {
    const moved = changed({ factory_id: '0198c0de-0000-7000-8000-0000000000ff', name: 'Hall 2', revision: 4 });
    expect(outcome(...login, moved)).toEqual({ status: 'connected', effects: [] });
    expect(run(...login, moved).state.gateway.name).toBe('Hall 2');
  });

  it.each([
    ['password', newPassword],
    ['address', changed({ url: 'ws://10.0.0.2/ws' })],
    ['e-mail address', changed({ email: 'root@acme.example' })],
  ])('is made anew when there is another %s', (_, change) => {
    expect(outcome(...login, change)).toEqual({ status: 'waiting', effects: ['drop', 'ask'] });
  });

  it('stays when the change is heard of that it was made with already', () => {
    const newer = credential({ credential_version: 4, url: 'ws://10.0.0.2/ws' });
    const inputs = [newer, { type: 'opened' }, { type: 'welcomed' }] as const;
    // The address was changed before the password: of a gateway with the older password both are still to come.
    const addressOnly = changed({ url: 'ws://10.0.0.3/ws' });
    const both = changed({ url: 'ws://10.0.0.2/ws', credential_version: 4 });
    expect(outcome(...inputs, addressOnly, both)).toEqual({ status: 'connected', effects: [] });
  });

  it('is closed for good when the gateway disappears', () => {
    expect(outcome(...login, { type: 'disappeared' })).toEqual({ status: 'closed', effects: ['drop'] });
    expect(outcome(...login, { type: 'disappeared' }, newPassword, { type: 'tick' })).toEqual({
      status: 'closed',
      effects: [],
    });
  });

  it('is made anew, after a pause, when it breaks', () => {
    expect(outcome(...login, failed)).toEqual({ status: 'backing-off', effects: ['drop', 'back-off'] });
    expect(outcome(...login, failed, { type: 'due' })).toEqual({ status: 'waiting', effects: ['drop', 'ask'] });
  });
});

describe('a heartbeat', () => {
  it('is sent at each tick before which the gateway was heard', () => {
    expect(outcome(...login, { type: 'heard' }, { type: 'tick' }).effects).toEqual(['beat', 'ping']);
  });

  it('is not sent for a gateway that was silent since the last one', () => {
    expect(outcome(...login, { type: 'tick' }).effects).toEqual(['ping']);
    expect(outcome(...login, { type: 'heard' }, { type: 'tick' }, { type: 'tick' }).effects).toEqual(['ping']);
  });

  it('is not sent before the welcome, nor after the end', () => {
    expect(outcome(answered, { type: 'heard' }, { type: 'tick' }).effects).toEqual([]);
    expect(outcome(...login, failed, { type: 'tick' }).effects).toEqual([]);
  });

  it('is followed by the end of the connection when there was no reason for one too often', () => {
    const ticks = Array.from({ length: mostSilences }, (): ConnectionInput => ({ type: 'tick' }));
    expect(outcome(...login, ...ticks.slice(1)).status).toBe('connected');
    expect(outcome(...login, ...ticks.slice(1), { type: 'heard' }, { type: 'tick' }, ...ticks.slice(1)).status).toBe(
      'connected',
    );
    expect(outcome(...login, ...ticks)).toEqual({ status: 'backing-off', effects: ['drop', 'back-off'] });
  });
});

describe('what fails', () => {
  it('again and again is tried less and less often', () => {
    expect(failures(failed)).toBe(1);
    expect(failures(failed, { type: 'due' }, answered, failed)).toBe(2);
  });

  it('counts from the beginning once the gateway was heard in a connection that lasted', () => {
    expect(failures(failed, { type: 'due' }, ...login, failed)).toBe(2);
    expect(failures(failed, { type: 'due' }, ...login, { type: 'heard' }, { type: 'tick' }, failed)).toBe(1);
  });

  it('is left alone for as long as the registry asks for', () => {
    const refused: ConnectionInput = { type: 'failed', reason: 'it gets no password', retryAfter: 7 };
    expect(run(refused).effects).toContainEqual({ type: 'back-off', failures: 1, retryAfter: 7 });
  });

  it('is tried again at once when what it failed with has changed, and else when it is due', () => {
    expect(outcome(failed, newPassword)).toEqual({ status: 'waiting', effects: ['drop', 'ask'] });
    expect(failures(failed, newPassword, failed)).toBe(1);
    expect(outcome(failed, changed({ name: 'Hall 2' }))).toEqual({ status: 'backing-off', effects: [] });
  });

  it('fails once', () => {
    expect(outcome(failed, failed)).toEqual({ status: 'backing-off', effects: [] });
  });
});

describe('a change while the password is on its way', () => {
  it('has it asked for again when the answer is of before', () => {
    expect(outcome(newPassword)).toEqual({ status: 'waiting', effects: [] });
    expect(outcome(newPassword, answered)).toEqual({ status: 'waiting', effects: ['drop', 'ask'] });
  });

  it('is no reason to ask again when the answer knows of it', () => {
    expect(outcome(newPassword, credential({ credential_version: 4 }))).toEqual({
      status: 'connecting',
      effects: ['connect'],
    });
  });

  it('is no reason to ask again when nothing depends on it', () => {
    expect(outcome(changed({ name: 'Hall 2' }), answered)).toEqual({ status: 'connecting', effects: ['connect'] });
  });
});

function changed(fields: Partial<typeof aGateway>): ConnectionInput {
  return { type: 'changed', gateway: { ...aGateway, ...fields } };
}

function credential(fields: Partial<Credential>): ConnectionInput {
  return { type: 'answered', credential: { ...aCredential, ...fields } };
}

/** The state after these inputs, and the effects of the last one. */
function run(...inputs: readonly ConnectionInput[]): { state: ConnectionState; effects: readonly ConnectionEffect[] } {
  return inputs.reduce(({ state }, input) => step(state, input), begin(aGateway));
}

function outcome(...inputs: readonly ConnectionInput[]) {
  const { state, effects } = run(...inputs);
  return { status: state.status, effects: effects.map(({ type }) => type) };
}

function failures(...inputs: readonly ConnectionInput[]): number {
  const { state } = run(...inputs);
  return state.status === 'closed' ? Number.NaN : state.failures;
}
