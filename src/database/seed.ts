// Example data, as somebody would have entered it: commands of the table, with fixed ids, so that whoever sends them
// again changes nothing.
import type { Logger } from 'pino';
import { createFactory } from '../commands/create-factory.ts';
import { createGateway } from '../commands/create-gateway.ts';
import { createOrganization } from '../commands/create-organization.ts';
import type { DefinedCommand } from '../commands/definition.ts';
import type { CommandDependencies } from '../commands/handler.ts';
import { uuidv7 } from '../events/new-id.ts';

/**
 * The password of every seeded gateway: known, so that a developer can play a gateway that logs in. Seeding happens in
 * development only.
 */
export const seededPassword = 'development-only';

const acme = '01900000-0000-7000-8000-000000000001';
const springfield = '01900000-0000-7000-8000-000000000101';
const detroit = '01900000-0000-7000-8000-000000000102';
const austin = '01900000-0000-7000-8000-000000000103';

interface Kind {
  readonly one: string;
  readonly many: string;
  readonly command: DefinedCommand;
  readonly bodies: readonly (readonly [id: string, body: { readonly name: string }])[];
}

const kinds: readonly Kind[] = [
  {
    one: 'organization',
    many: 'organizations',
    command: createOrganization,
    bodies: [[acme, { name: 'Acme Manufacturing' }]],
  },
  {
    one: 'factory',
    many: 'factories',
    command: createFactory,
    bodies: [
      factory(springfield, 'Springfield Plant', 'Building 3, Springfield, IL', 'America/Chicago', {
        manager: { name: 'Dana Whitfield', email: 'dana.whitfield@example.com' },
      }),
      factory(detroit, 'Detroit Assembly', '1200 Industrial Pkwy, Detroit, MI', 'America/Detroit', {
        shifts: [
          { name: 'early', start: '06:00', end: '14:00' },
          { name: 'late', start: '14:00', end: '22:00' },
          { name: 'night', start: '22:00', end: '06:00' },
        ],
      }),
      factory(austin, 'Austin Facility', '500 Tech Blvd, Austin, TX', 'America/Chicago'),
    ],
  },
  {
    one: 'gateway',
    many: 'gateways',
    command: createGateway,
    bodies: [
      gateway(1, springfield, 'GW-SPR-001', 'North Wing Gateway', '10.10.1.11', 'CTC-GW-100', '2.1.0'),
      gateway(2, springfield, 'GW-SPR-002', 'South Wing Gateway', '10.10.1.12', 'CTC-GW-200', '3.0.2'),
      gateway(3, detroit, 'GW-DET-001', 'Main Floor Gateway', '10.10.2.11', 'CTC-GW-200', '3.1.0'),
      gateway(4, detroit, 'GW-DET-002', 'Assembly Line Gateway', '10.10.2.12', 'CTC-GW-100', '2.0.5'),
      gateway(5, austin, 'GW-AUS-001', 'Lab Gateway', '10.10.3.11', 'CTC-GW-200', '3.2.0-beta.1'),
      gateway(6, austin, 'GW-AUS-002', 'Server Room Gateway', '10.10.3.12', 'CTC-GW-100', '2.1.3'),
    ],
  },
];

export interface SeedOptions extends Pick<CommandDependencies, 'log' | 'sealPassword'> {
  readonly logger: Logger;
}

/**
 * Sends the commands that make the example data, and logs what has become of them. What is there already stays as it
 * is; a gateway whose device id somebody else's gateway has is left out.
 *
 * @throws EventLogUnavailable
 */
export async function seed({ log, sealPassword, logger }: SeedOptions): Promise<void> {
  const dependencies: CommandDependencies = {
    log,
    sealPassword,
    hasActiveChildren: () => Promise.reject(new Error('seeding deletes nothing')),
    now: () => new Date(),
    reservationGrace: 10_000,
  };
  const sender = { actor: 'db:seed', correlationId: uuidv7() };
  for (const { one, many, command, bodies } of kinds) {
    let created = 0;
    let present = 0;
    for (const [id, body] of bodies) {
      const outcome = await command.run(dependencies, { id, body: command.body?.parse(body), sender });
      if (outcome.outcome !== 'rejected') created += 1;
      else if (outcome.reason === 'AlreadyExists') present += 1;
      else if (outcome.reason === 'GatewayIdTaken') logger.warn(`Left out ${body.name}: another gateway has its id`);
      else throw new Error(`The ${one} ${body.name} could not be seeded: ${outcome.reason}.`);
    }
    const count = (number: number) => `${number} ${number === 1 ? one : many}`;
    if (created > 0) logger.info(`Seeded ${count(created)}`);
    if (present > 0) logger.info(`${count(present)} already there`);
  }
}

function factory(id: string, name: string, location: string, timezone: string, metadata: object = {}) {
  return [id, { organization_id: acme, name, location, timezone, metadata }] as const;
}

function gateway(
  number: number,
  factoryId: string,
  gatewayId: string,
  name: string,
  address: string,
  model: string,
  firmwareVersion: string,
) {
  const body = {
    factory_id: factoryId,
    gateway_id: gatewayId,
    name,
    url: `ws://${address}:8080`,
    email: 'admin@example.com',
    password: seededPassword,
    model,
    firmware_version: firmwareVersion,
  };
  return [`01900000-0000-7000-8000-0000000002${String(number).padStart(2, '0')}`, body] as const;
}
