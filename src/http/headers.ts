// The headers that belong to the API, as the reference and CORS name them.

interface Header {
  readonly description: string;
  readonly schema: { readonly type: 'string'; readonly pattern?: string; readonly enum?: readonly string[] };
  readonly example: string;
}

/** What answers may carry beyond what HTTP itself has. */
export const responseHeaders = {
  ETag: {
    description:
      "The revision of the resource: the number of its stream's last event, from 0 on. Where something was observed of it " +
      '(`status`, `last_seen_at`), which its stream does not tell, a mark of that follows after a dot.',
    schema: { type: 'string', pattern: '^"\\d+([.]\\d+(-\\d+)?)?"$' },
    example: '"0"',
  },
  'Idempotency-Replayed': {
    description: 'The answer to an earlier request with this `Idempotency-Key`, once more; this one changed nothing.',
    schema: { type: 'string', enum: ['true'] },
    example: 'true',
  },
  Location: {
    description: 'Where the resource that was made is to be found.',
    schema: { type: 'string' },
    example: '/api/gateways/0197e8a4-2f60-7c3e-8d15-6b0a94c7e2f1',
  },
  'X-Correlation-Id': {
    description:
      'What the request belongs to: the `$correlationId` of the events that it has caused, if it has caused any.',
    schema: { type: 'string' },
    example: 'order-4711',
  },
  'X-Commit-Position': {
    description: "Where the last event of the resource's stream stands in the log of all events.",
    schema: { type: 'string', pattern: '^\\d+$' },
    example: '20481',
  },
  'X-Projection': {
    description:
      '`current`: queries see the change. `pending`: they will in a moment; `X-Min-Position` in a query waits for it.',
    schema: { type: 'string', enum: ['current', 'pending'] },
    example: 'current',
  },
  'X-Request-Id': {
    description: 'The id of this request, as the log of the service has it.',
    schema: { type: 'string' },
    example: '0197e8a4-2f60-7c3e-8d15-6b0a94c7e2f1',
  },
  'Preference-Applied': {
    description: 'Which preferences of the request were honoured (RFC 7240); absent when it had none.',
    schema: { type: 'string' },
    example: 'wait=5',
  },
  'Retry-After': {
    description: 'Seconds after which it is worth another try.',
    schema: { type: 'string', pattern: '^\\d+$' },
    example: '1',
  },
} as const satisfies Readonly<Record<string, Header>>;

export type ResponseHeader = keyof typeof responseHeaders;

/** What requests may carry beyond what HTTP itself has. */
export const requestHeaders = {
  'Idempotency-Key': {
    description:
      'Any text of up to 255 characters, new for each thing that is wanted. Who sends a request again with the same key gets ' +
      'the same answer, and it happens once. A key belongs to its sender, to this operation, and to the resource in the path. ' +
      'What was refused, and what changed nothing, is judged anew.',
    schema: { type: 'string' },
    example: '7d9f3c52-0f0e-4c6d-9a3b-5a3f7f0f8b11',
  },
  'If-Match': {
    description:
      'Do it only if the resource is at one of these revisions: the `ETag` of an answer, of which the part after a dot does ' +
      'not count. Otherwise the answer is `PRECONDITION_FAILED`.',
    schema: { type: 'string' },
    example: '"3"',
  },
  'If-None-Match': {
    description:
      'Entity tags, such as the `ETag` of an answer before, or `*`. When one of them is that of the resource, the answer is ' +
      '304 and has no body.',
    schema: { type: 'string' },
    example: '"0"',
  },
  'X-Actor': {
    description:
      'Who sends this, for the history; `anonymous` without it. The registry believes it: who stands in front has to set it.',
    schema: { type: 'string' },
    example: 'dana.reyes@example.com',
  },
  'X-Correlation-Id': {
    description:
      'What this belongs to: up to 255 characters, for the history. Without it the trace of `traceparent`, or the id of the ' +
      'request.',
    schema: { type: 'string' },
    example: 'order-4711',
  },
  Prefer: {
    description:
      'How long the answer may wait until queries see what it is about; a second unless this says otherwise (RFC 7240). ' +
      '`wait=5`: five seconds at most; more than 30 is taken as 30. `respond-async`, of a command alone: not at all.',
    schema: { type: 'string' },
    example: 'wait=5',
  },
  'X-Min-Position': {
    description:
      'Answer with what was there at this position of the log or later: the `X-Commit-Position` of a command. When the ' +
      'tables do not get there in time, the answer is `PROJECTION_BEHIND`.',
    schema: { type: 'string', pattern: '^\\d{1,20}$' },
    example: '20481',
  },
} as const satisfies Readonly<Record<string, Header>>;

export type RequestHeader = keyof typeof requestHeaders;
