import { z } from 'zod';
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
    parts: z.array(z.object({ name: z.string(), status: z.enum(partStatuses) })),
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

export interface PartHealth {
  readonly name: string;
  readonly status: (typeof partStatuses)[number];
  readonly error?: string;
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
    parts: parts().map(({ name, status }) => ({ name, status })),
  }));
}
