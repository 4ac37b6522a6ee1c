import { createPublicKey } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { connectorKey, openAnswer } from '../../test/support/connector.ts';
import * as examples from '../../test/support/examples.ts';
import { connectorKeyOf, encodePublicKey, privateKeyOf } from './keys.ts';
import { sealFor } from './sealing.ts';

const publicKey = createPublicKey(connectorKey);
const password = 'correct horse "ü😀" battery staple';
const binding = {
  request_id: '0194f000-0000-4000-8000-000000000001',
  id: examples.aGateway,
  credential_version: 7,
  url: 'wss://10.0.0.1:8443/ws',
  email: 'gateway-0001@acme.example',
};

describe('a sealed password', () => {
  it.each(['', 'a', password, 'ü'.repeat(1_024)])('opens for its connector (%#)', (text) => {
    expect(openAnswer(connectorKey, { ...binding, ...sealFor(publicKey, text, binding) })).toBe(text);
  });

  it('is never the same twice', () => {
    const seals = Array.from({ length: 20 }, () => sealFor(publicKey, password, binding));
    for (const part of ['epk', 'iv', 'ciphertext'] as const) {
      expect(new Set(seals.map((sealed) => sealed[part])).size).toBe(20);
    }
  });

  it('does not tell how long it is', () => {
    const lengths = ['', 'a', 'a'.repeat(254)].map((text) => sealFor(publicKey, text, binding).ciphertext.length);
    expect(new Set(lengths).size).toBe(1);
  });

  it('opens for nobody else', () => {
    const other = privateKeyOf('X25519', Buffer.alloc(32, 0x18).toString('base64url'));
    const answer = { ...binding, ...sealFor(publicKey, password, binding) };
    expect(() => openAnswer(other, answer)).toThrow('unable to authenticate');
  });

  it.each([
    ['request_id', '0194f000-0000-4000-8000-000000000002'],
    ['id', examples.anotherGateway],
    ['credential_version', 8],
    ['url', 'wss://10.0.0.2:8443/ws'],
    ['email', 'somebody@else.example'],
    ['epk', encodePublicKey(publicKey)],
    ['iv', Buffer.alloc(12).toString('base64url')],
  ])('does not open with another %s', (name, value) => {
    const answer = { ...binding, ...sealFor(publicKey, password, binding), [name]: value };
    expect(() => openAnswer(connectorKey, answer)).toThrow('unable to authenticate');
  });

  it('does not open when any byte of it was changed', () => {
    const sealed = sealFor(publicKey, password, binding);
    const bytes = Buffer.from(sealed.ciphertext, 'base64url');
    for (let index = 0; index < bytes.length; index++) {
      const changed = Buffer.from(bytes);
      changed[index] = (changed[index] ?? 0) ^ 1;
      const answer = { ...binding, ...sealed, ciphertext: changed.toString('base64url') };
      expect(() => openAnswer(connectorKey, answer)).toThrow('unable to authenticate');
    }
  });

  it('has these bytes, in any language', () => {
    const privateKey = privateKeyOf('X25519', Buffer.alloc(32, 0x2a).toString('base64url'));
    const pair = { privateKey, publicKey: createPublicKey(privateKey) };
    const sealed = sealFor(publicKey, 'correct horse', binding, { pair, iv: Buffer.alloc(12, 0x05) });
    expect({ public_key: encodePublicKey(publicKey), ...sealed }).toMatchInlineSnapshot(`
      {
        "ciphertext": "IKGKOifJxV5bA1nS_ot_x7P4yy6UzuY8bbmdmlWDT2btSNuQjGs9ihS3dsMz-1C1Fs6ItoGtM3J65KcZnZE3haEDQlJoeFwkPDnKInvE3_3BHrSdjeWYK14aTAaweeDwCFevqiMgNMEJh-3cYUJuJd7vVJMkPPk1Prg2UvsLFBVgnTmQPBVkb-EWU46zocIvCFH7GzUMw89UTo-MIO7txJdLSkNN6AJxCoXT2IcFq0vLHdnwNURdw1RJk-4c4t3l7IXvQI6gPDvEPxiaqSUB3xn8__7onVT37wu2U9TeC8ULLDasiIElWAL_w6FKxF78iS1XC7bndHIywTSS_8Ig0oxGtEhHl3MALzEMnLgIcD0",
        "epk": "B6r_Pp_BZydVRPTDpqF82Dfy7G54zYpXsePfs8wDWnY",
        "iv": "BQUFBQUFBQUFBQUF",
        "public_key": "8T_vPvqVmKKiP8dWv2iP6LvX9s-VKLuu87REJojwqzE",
      }
    `);
    expect(openAnswer(connectorKey, { ...binding, ...sealed })).toBe('correct horse');
  });
});

describe('a public key that agrees on the same secret with everybody', () => {
  // The points of low order of RFC 7748, in hexadecimal.
  it.each([
    '0000000000000000000000000000000000000000000000000000000000000000',
    '0100000000000000000000000000000000000000000000000000000000000000',
    'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
    '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  ])('is none: %s', (hex) => {
    const x = Buffer.from(hex, 'hex').toString('base64url');
    expect(connectorKeyOf(x)).toBeUndefined();
    const bad = createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x }, format: 'jwk' });
    expect(() => sealFor(bad, password, binding)).toThrow();
  });
});
