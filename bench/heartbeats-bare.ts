// A bare subscriber: <NATS>. It counts heartbeats, and does nothing with them.

import { connect } from 'nats';
import { heartbeatSubjects } from '../src/presence/heartbeats.ts';
import { obey } from './heartbeats-subject.ts';

const [natsUrl = ''] = process.argv.slice(2);
const nats = await connect({ servers: natsUrl.replace(/^nats:\/\//, '') });
let heard = 0;

nats.subscribe(heartbeatSubjects, {
  callback(error) {
    if (error) throw error;
    heard += 1;
  },
});
await nats.flush();
obey({ count: () => heard, stop: () => nats.close() });
