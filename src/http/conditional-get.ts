import type { onSendAsyncHookHandler } from 'fastify';
import { matchesWeakly, parseEntityTags } from './entity-tag.ts';

/**
 * Answers with 304 and no body when the client has what the answer would be: when its If-None-Match names the answer's
 * ETag. A malformed one is as if it were not there; the client then gets what it did not expect to need.
 */
export const answerNotModified: onSendAsyncHookHandler<unknown> = async (request, reply, payload) => {
  const header = request.headers['if-none-match'];
  const etag = reply.getHeader('etag');
  if (header === undefined || typeof etag !== 'string' || reply.statusCode !== 200) return payload;
  const known = parseEntityTags(header);
  const current = parseEntityTags(etag);
  if (known === undefined || current === undefined || current === '*') return payload;
  if (!matchesWeakly(known, current[0])) return payload;
  reply.code(304).removeHeader('content-type').removeHeader('content-length');
  // What answers a HEAD wants to see how long the body would have been, and then leaves it out by itself.
  return request.method === 'HEAD' ? payload : null;
};
