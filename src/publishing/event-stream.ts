import type { StreamSettings } from './bus.ts';

/** The major version of the public contract: it stands in every subject and in every event type. */
export const contractVersion = 'v1';

/** The environment variable that bounds the stream's size. */
export const maxBytesVariable = 'NATS_STREAM_MAX_BYTES';

/** Where the events are published. The tail must not expire, for it says where to resume: hence no bound on age. */
export const eventStream: StreamSettings = {
  name: 'MTI_EVENTS',
  subjects: ['mti.evt.>'],
  maxBytes: -1,
  maxBytesVariable,
};
