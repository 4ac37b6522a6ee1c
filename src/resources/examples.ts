// One organization, factory and gateway, as the reference shows them throughout.

export const exampleOrganization = {
  id: '0197e8a0-5c3b-7d41-9a52-3f1c2b7e6a10',
  name: 'Acme Manufacturing',
  metadata: { industry: 'automotive' },
  created_at: '2026-03-02T09:00:00.000Z',
  updated_at: '2026-03-02T09:00:00.000Z',
};

export const exampleFactory = {
  id: '0197e8a1-7b12-7e05-8c44-91d0f6a3b852',
  organization_id: exampleOrganization.id,
  name: 'Springfield Plant',
  location: 'Building 3, Springfield, IL',
  timezone: 'America/Chicago',
  metadata: { manager: 'Dana Reyes' },
  created_at: '2026-03-02T09:05:00.000Z',
  updated_at: '2026-03-02T09:05:00.000Z',
};

export const exampleGateway = {
  id: '0197e8a2-91fd-7a36-b7e8-0d25c4e1f963',
  factory_id: exampleFactory.id,
  organization_id: exampleOrganization.id,
  gateway_id: 'GW-SPR-001',
  name: 'North Wing Gateway',
  url: 'ws://10.20.0.11:8080',
  email: 'admin@example.com',
  model: 'CTC-GW-100',
  firmware_version: '2.4.1',
  metadata: { rack: 7 },
  status: 'never_seen',
  last_seen_at: null,
  created_at: '2026-03-02T09:10:00.000Z',
  updated_at: '2026-03-02T09:10:00.000Z',
};
