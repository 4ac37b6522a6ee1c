// Fixed examples for the specs.
import type { Credential, Gateway } from '../../client/src/index.ts';

export const aGateway: Gateway = {
  id: '0198c0de-0000-7000-8000-000000000001',
  factory_id: '0198c0de-0000-7000-8000-00000000000f',
  organization_id: '0198c0de-0000-7000-8000-00000000000a',
  gateway_id: 'GW-1',
  name: 'Hall 1',
  url: 'ws://10.0.0.1/ws',
  email: 'admin@acme.example',
  model: null,
  firmware_version: null,
  metadata: {},
  created_at: '2026-03-02T09:10:00.000Z',
  updated_at: '2026-03-02T09:10:00.000Z',
  revision: 3,
  position: '1000',
  credential_version: 3,
};

export const aCredential: Credential = {
  id: aGateway.id,
  credential_version: aGateway.credential_version,
  url: aGateway.url,
  email: aGateway.email,
  password: 'correct horse ü',
};
