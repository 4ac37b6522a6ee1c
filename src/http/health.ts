import { z } from 'zod';
import type { Position } from '../events/event-log.ts';
import { ApiError, type ErrorDetail } from './errors.ts';
import type { Operation } from './operation.ts';
import type { HttpServer } from './server.ts';

const partStatuses = ['starting', 'running', 'degraded', 'failing', 'stopped'] as const;

const Health = z
  .object({
    status: z
      .enum(['ok', 'degraded'])
      .meta({ description: '`degraded` while a part is failing, or cannot do all of its work.' }),
    timestamp: z.iso.datetime(),
    uptime: z.number().meta({ description: 'Seconds since the process started.' }),
    version: z.string(),
    parts: z.array(
      z.object({
        name: z.string(),
        status: z.enum(partStatuses),
        parked: z.int().optional().meta({ description: 'How much it has put aside because it cannot do it.' }),
        parked_keys: z
          .array(z.string())
          .optional()
          .meta({ description: 'The keys of some of that in the bucket of gateways.' }),
      }),
    ),
  })
  .meta({ id: 'Health' });

const operation: Operation = {
  id: 'GetHealth',
  tag: 'Service',
  summary: 'How the service is',
  description: 'It answers 200 as long as it can answer, because commands go on while a part is failing.',
  answer: 'The service lives; which of its parts do not is in the body.',
  example: {
    status: 'ok',
    timestamp: '2026-03-02T09:30:00.000Z',
    uptime: 86_400.25,
    version: '0.1.0',
    parts: [
      { name: 'projector', status: 'running' },
      { name: 'publisher', status: 'running' },
    ],
  },
  errors: [],
};

const Readiness = z
  .object({
    status: z
      .enum(['ready', 'degraded'])
      .meta({ description: '`degraded`: it serves, but progress has stalled, events are parked or nobody projects.' }),
    timestamp: z.iso.datetime(),
    position: z
      .string()
      .nullable()
      .meta({ description: 'The commit position that the tables show; null before the first event.' }),
    lag: z.object({
      events: z.int().meta({ description: 'Events that the tables do not show yet.' }),
      at_least: z.boolean().meta({ description: 'Whether there are more than were counted.' }),
      seconds: z.number().meta({ description: 'How long ago the oldest of them happened; 0 when none is missing.' }),
    }),
    parked_streams: z.int().meta({ description: 'Streams that wait behind an event that the tables could not take.' }),
    last_rebuild: z.iso.datetime().nullable().meta({ description: 'Null when the tables were never rebuilt.' }),
    stalled: z.boolean().meta({ description: 'Whether events are missing and nothing has happened for ten seconds.' }),
    projecting: z.boolean().meta({ description: 'Whether some process makes the tables follow the events.' }),
  })
  .meta({ id: 'Readiness' });

const readinessOperation: Operation = {
  id: 'GetReadiness',
  tag: 'Service',
  summary: 'Whether the service can serve, and how far its tables are',
  description: 'For whoever sends it requests. The answer may be some seconds old; asking more often costs nothing.',
  answer: 'Both stores can be reached, and the database has the schema of this version.',
  example: {
    status: 'ready',
    timestamp: '2026-03-02T09:30:00.000Z',
    position: '20481',
    lag: { events: 0, at_least: false, seconds: 0 },
    parked_streams: 0,
    last_rebuild: '2026-03-01T03:00:00.000Z',
    stalled: false,
    projecting: true,
  },
  errors: ['NOT_READY'],
};

/** What is asked of the stores. */
export interface StoresReadiness {
  readonly postgres: 'reachable' | 'unreachable' | 'outdated';
  readonly eventStore: 'reachable' | 'unreachable';
  readonly readModel:
    | {
        readonly position: Position | undefined;
        readonly lag: { readonly events: number; readonly atLeast: boolean; readonly seconds: number };
        readonly parked: number;
        readonly rebuiltAt: string | undefined;
        readonly projecting: boolean;
        readonly stalled: boolean;
      }
    | undefined;
}

export interface PartHealth {
  readonly name: string;
  readonly status: (typeof partStatuses)[number];
  readonly error?: string;
  readonly parked?: number;
  readonly parkedKeys?: readonly string[];
}

/**
 * `GET /api/health`: that the process lives, and which of its parts do not work at present. It answers 200 as
 * long as it can answer, because commands go on while a part is failing.
 */
export function healthRoute(app: HttpServer, version: string, parts: () => readonly PartHealth[]): void {
  app.get('/api/health', { schema: { operation, response: { 200: Health } } }, async () => ({
    status: parts().some(({ status }) => status === 'failing' || status === 'degraded')
      ? ('degraded' as const)
      : ('ok' as const),
    timestamp: new Date().toISOString(),
    uptime: process.uptime(),
    version,
    // What made a part fail is in the log; an answer to anybody says only that it does.
    parts: parts().map(({ name, status, parked, parkedKeys }) => ({
      name,
      status,
      ...(parked !== undefined && { parked }),
      ...(parkedKeys !== undefined && { parked_keys: [...parkedKeys] }),
    })),
  }));
}

/** `GET /api/health/ready`: whether the service can serve, and how far its tables are. */
export function readinessRoute(app: HttpServer, ask: () => Promise<StoresReadiness>): void {
  const schema = { operation: readinessOperation, response: { 200: Readiness } };
  app.get('/api/health/ready', { schema }, async () => {
    const { postgres, eventStore, readModel } = await ask();
    if (readModel === undefined) {
      throw new ApiError('NOT_READY', 'A store that this needs is away.', whatIsMissing(postgres, eventStore));
    }
    const { position, lag, parked, rebuiltAt, projecting, stalled } = readModel;
    const degraded = stalled || parked > 0 || !projecting;
    return {
      status: degraded ? ('degraded' as const) : ('ready' as const),
      timestamp: new Date().toISOString(),
      position: position === undefined ? null : String(position.commit),
      lag: { events: lag.events, at_least: lag.atLeast, seconds: lag.seconds },
      parked_streams: parked,
      last_rebuild: rebuiltAt ?? null,
      stalled,
      projecting,
    };
  });
}

function whatIsMissing(
  postgres: StoresReadiness['postgres'],
  eventStore: StoresReadiness['eventStore'],
): readonly ErrorDetail[] {
  return [
    ...(postgres === 'unreachable' ? [{ path: 'postgres', message: 'cannot be reached' }] : []),
    ...(postgres === 'outdated' ? [{ path: 'postgres', message: 'lacks migrations of this version' }] : []),
    ...(eventStore === 'unreachable' ? [{ path: 'event_store', message: 'cannot be reached' }] : []),
  ];
}
