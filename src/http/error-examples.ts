import type { ErrorCode } from './errors.ts';

export interface ErrorExample {
  /** When it comes, in a sentence. */
  readonly when: string;
  /** What it then says; `{operation}` stands for the id of the operation. */
  readonly message: string;
}

/** Every error as the reference shows it. The details of a VALIDATION_ERROR are those of the route. */
export const errorExamples: Readonly<Record<ErrorCode, ErrorExample>> = {
  VALIDATION_ERROR: {
    when: 'The request is not what this takes; `details` has a reason for each field.',
    message: 'The request has no Host header.',
  },
  ORGANIZATION_NOT_FOUND: {
    when: 'There is no such organization, or it is deleted.',
    message: 'There is no such organization, or it is deleted.',
  },
  FACTORY_NOT_FOUND: {
    when: 'There is no such factory, or it is deleted.',
    message: 'There is no such factory, or it is deleted.',
  },
  GATEWAY_NOT_FOUND: {
    when: 'There is no such gateway, or it is deleted.',
    message: 'There is no such gateway, or it is deleted.',
  },
  ROUTE_NOT_FOUND: {
    when: 'The path is no route, because what stands for the id has a slash in it.',
    message: 'There is no {method} {path}.',
  },
  REQUEST_TIMEOUT: {
    when: 'The request was not sent completely within 30 seconds. The connection is closed.',
    message: 'The request is not HTTP as this server speaks it.',
  },
  GATEWAY_ID_TAKEN: {
    when: 'Another active gateway has this `gateway_id`, or is about to; `details` says which, if you may read it.',
    message: 'Another active gateway has this gateway_id.',
  },
  PARENT_DELETED: {
    when: 'What this belongs to is deleted. Restore that first.',
    message: 'What this belongs to is deleted. Restore that first.',
  },
  HAS_ACTIVE_CHILDREN: {
    when: '`cascade=false` was given, and there is something active that would be deleted along.',
    message: 'Something active belongs to this. Delete that first, or leave cascade=false out.',
  },
  OTHER_ORGANIZATION: {
    when: 'The factory belongs to another organization than the gateway.',
    message: 'The factory belongs to another organization. A gateway stays in its own.',
  },
  PRECONDITION_FAILED: {
    when: 'It is not at the revision that `If-Match` names. `ETag` is the one that it is at; nothing was changed.',
    message: 'This has changed since: it is at revision 4 now.',
  },
  IDEMPOTENCY_KEY_REUSED: {
    when: 'This `Idempotency-Key` came with another body before. Nothing was changed by this.',
    message: 'This Idempotency-Key came with another body before. Use a new key for a new request.',
  },
  CONFLICT: {
    when: 'Others kept changing the same thing at the same time. Nothing was changed by this; try again.',
    message: 'Others kept changing the same thing, so {operation} gave up. Try again.',
  },
  PAYLOAD_TOO_LARGE: { when: 'The body is larger than 1 MiB.', message: 'Request body is too large' },
  UNSUPPORTED_MEDIA_TYPE: {
    when: 'The body is not `application/json`.',
    message: 'The body must be JSON: send it with the header content-type: application/json.',
  },
  HEADERS_TOO_LARGE: {
    when: 'The headers are larger than 16 KiB. The connection is closed.',
    message: 'The request is not HTTP as this server speaks it.',
  },
  INTERNAL_ERROR: {
    when: 'A defect on our side. The log has the cause under the id of the request.',
    message: 'Something went wrong on our side. The log has it as request 0197e8a4-2f60-7c3e-8d15-6b0a94c7e2f1.',
  },
  SERVICE_UNAVAILABLE: {
    when: 'A store that this needs is away. Of a command it is then unknown whether it was recorded.',
    message: 'A store that this needs is away. Try again in a moment.',
  },
  PROJECTION_BEHIND: {
    when: 'The tables did not reach the position of `X-Min-Position` in time.',
    message: 'The tables do not show this position yet. Try again in a moment.',
  },
  NOT_READY: {
    when: 'A store that this needs is away, or the database lacks migrations; `details` has a reason for each.',
    message: 'A store that this needs is away.',
  },
};
