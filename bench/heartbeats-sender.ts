// The gateways, as a process of its own: <NATS> <gateways> <seconds between two heartbeats of each>. They beat one after the
// other, evenly spread, over a few connections.

import { connect } from 'nats';
import { subjectOf } from './heartbeats-events.ts';
import { obey } from './heartbeats-subject.ts';

const connections = 8;
const tickMs = 10;

const [natsUrl = '', gateways = '', interval = ''] = process.argv.slice(2);
const subjects = Array.from({ length: Number(gateways) }, (_, index) => subjectOf(index + 1));
const perMillisecond = subjects.length / (Number(interval) * 1_000);
const servers = natsUrl.replace(/^nats:\/\//, '');
const senders = await Promise.all(Array.from({ length: connections }, () => connect({ servers })));
const started = performance.now();
let sent = 0;

const beating = setInterval(() => {
  for (const due = (performance.now() - started) * perMillisecond; sent < due; sent++) {
    senders[sent % connections]?.publish(subjects[sent % subjects.length] ?? '');
  }
}, tickMs);

obey({
  count: () => sent,
  async stop() {
    clearInterval(beating);
    await Promise.all(senders.map((sender) => sender.close()));
  },
});
