import { createPublicKey } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { encodePrivateKey } from '../../src/credentials/keys.ts';
import { sealFor } from '../../src/credentials/sealing.ts';
import { connectorKey } from '../../test/support/connector.ts';
import * as examples from '../../test/support/examples.ts';
import { keyPairOf, openSealed } from './sealed.ts';

const binding = {
  request_id: '0194f000-0000-4000-8000-000000000001',
  id: examples.aGateway,
  credential_version: 7,
  url: 'wss://10.0.0.1:8443/ws',
  email: 'gateway-0001@acme.example',
};
const pair = keyPairOf(encodePrivateKey(connectorKey));

describe('what the registry has sealed', () => {
  it.each(['', 'a', 'correct horse "ü😀"', 'ü'.repeat(1_024)])('opens for its connector (%#)', (password) => {
    const sealed = sealFor(createPublicKey(connectorKey), password, binding);

    expect(openSealed({ ...binding, ...sealed }, pair)).toBe(password);
  });

  it('opens for nobody else', () => {
    const sealed = sealFor(createPublicKey(connectorKey), 'a', binding);
    const other = keyPairOf(Buffer.alloc(32, 0x18).toString('base64url'));

    expect(() => openSealed({ ...binding, ...sealed }, other)).toThrow('unable to authenticate');
  });

  it.each(Object.keys(binding))('does not open with another %s', (name) => {
    const sealed = { ...binding, ...sealFor(createPublicKey(connectorKey), 'a', binding), [name]: 'another' };

    expect(() => openSealed(sealed, pair)).toThrow('unable to authenticate');
  });
});
