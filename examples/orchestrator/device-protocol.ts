// What the pretended gateways speak: one JSON object a WebSocket text message. The registry does not say what real gateways speak;
// this is the least that a login needs.
//
//   orchestrator                                                   gateway
//   { "type": "login", "email": "…", "password": "…" }   ──────►
//                                                        ◄──────   { "type": "welcome" }
//                                                         or       { "type": "refused" }, and it closes with 4401
//   { "type": "ping" }                                   ──────►
//                                                        ◄──────   { "type": "pong" }
//                                                        ◄──────   { "type": "reading", "sensor": "…", "value": 21.5, "unit": "°C", "at": "…" }
//
// Pings are messages of the protocol because the WebSocket client of Node cannot send those of WebSocket itself.
import { z } from 'zod';

/** What a gateway is sent. */
export const ToGateway = z.discriminatedUnion('type', [
  z.object({ type: z.literal('login'), email: z.string(), password: z.string() }),
  z.object({ type: z.literal('ping') }),
]);
export type ToGateway = z.output<typeof ToGateway>;

/** What a gateway sends. */
export const FromGateway = z.discriminatedUnion('type', [
  z.object({ type: z.literal('welcome') }),
  z.object({ type: z.literal('refused') }),
  z.object({ type: z.literal('pong') }),
  z.object({
    type: z.literal('reading'),
    sensor: z.string(),
    value: z.number(),
    unit: z.string(),
    at: z.iso.datetime(),
  }),
]);
export type FromGateway = z.output<typeof FromGateway>;

/** WebSocket close codes from 4000 on are an application's own. */
export const closeCodes = { refused: 4401, otherPassword: 4403 } as const;

/** A message of the protocol, or undefined when it is none. */
export function readMessage<Message>(schema: z.ZodType<Message>, data: unknown): Message | undefined {
  if (typeof data !== 'string') return undefined;
  try {
    return schema.safeParse(JSON.parse(data)).data;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
