import { describe, expect, it } from 'vitest';
import { addressOf } from './raw.ts';

describe('A connection string', () => {
  it.each([
    ['esdb://localhost', { authority: 'localhost:2113', isSecure: true, verifies: true, user: undefined }],
    ['esdb://localhost:99?tls=false', { authority: 'localhost:99', isSecure: false }],
    ['esdb://a:1,b:2,c:3?tls=false', { authority: 'a:1', isSecure: false }],
    ['esdb+discover://a.example/?Tls=true&TlsVerifyCert=false', { authority: 'a.example:2113', verifies: false }],
    ['esdb://me:p%40ss%3A@a:1', { authority: 'a:1', user: { username: 'me', password: 'p@ss:' } }],
  ])('%s says where to connect, and how', (url, expected) => expect(addressOf(url)).toMatchObject(expected));
});
