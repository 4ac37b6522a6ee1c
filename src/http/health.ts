import { z } from 'zod';
import type { HttpServer } from './server.ts';

const Health = z.object({
  status: z.enum(['ok', 'degraded']),
  timestamp: z.iso.datetime(),
  /** Seconds since the process started. */
  uptime: z.number(),
  version: z.string(),
  parts: z.array(z.object({ name: z.string(), status: z.string() })),
});

export interface PartHealth {
  readonly name: string;
  readonly status: 'starting' | 'running' | 'failing' | 'stopped';
  readonly error?: string;
}

/**
 * `GET /api/health`: that the process lives, and which of its parts do not work at present. It answers 200 as
 * long as it can answer, because commands go on while a part is failing.
 */
export function healthRoute(app: HttpServer, version: string, parts: () => readonly PartHealth[]): void {
  app.get('/api/health', { schema: { response: { 200: Health } } }, async () => ({
    status: parts().some(({ status }) => status === 'failing') ? ('degraded' as const) : ('ok' as const),
    timestamp: new Date().toISOString(),
    uptime: process.uptime(),
    version,
    // What made a part fail is in the log; an answer to anybody says only that it does.
    parts: parts().map(({ name, status }) => ({ name, status })),
  }));
}
