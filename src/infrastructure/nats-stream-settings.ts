// The settings of our streams: they are created with them, and refused with others.
import { DiscardPolicy, nanos, RetentionPolicy, StorageType, type StreamInfo } from 'nats';
import { StreamDiffers, type StreamSettings } from '../publishing/bus.ts';
import { ask, errorCode, type NatsLink, noSuchStream } from './nats-api.ts';

/** Creates the stream when there is none; throws `StreamDiffers` when there is one with other settings. */
export async function ensureStream(settings: StreamSettings, link: NatsLink): Promise<void> {
  checkSettings(settings, await findOrCreate(settings, link));
}

async function findOrCreate(settings: StreamSettings, link: NatsLink): Promise<StreamInfo> {
  try {
    return await ask(link, (manager) => manager.streams.info(settings.name));
  } catch (error) {
    if (errorCode(error) !== noSuchStream) throw error;
    return await ask(link, (manager) => manager.streams.add(configOf(settings)));
  }
}

const logSettings = { discard: DiscardPolicy.Old, max_msgs_per_subject: -1 };

// As a client creates a key-value bucket: whoever comes first creates it, be it we or a client that watches.
const bucketSettings = {
  discard: DiscardPolicy.New,
  max_msgs_per_subject: 1,
  allow_rollup_hdrs: true,
  allow_direct: true,
};

function configOf({ name, subjects, maxBytes, keeps }: StreamSettings) {
  return {
    name,
    subjects: [...subjects],
    storage: StorageType.File,
    retention: RetentionPolicy.Limits,
    ...(keeps === 'bucket' ? bucketSettings : logSettings),
    max_age: 0,
    max_msgs: -1,
    max_msg_size: -1,
    max_bytes: maxBytes,
    duplicate_window: nanos(120_000),
  };
}

/**
 * What a new stream has of the settings that we do not write, on every server: one that does not know a setting, or does not tell it,
 * has none. Each of them changes what is promised: who may be heard and read (`max_consumers`), what is stored and answered, what an
 * operator can mend.
 *
 * Left out is what is an operator's to choose, and so is whatever a later server brings: `num_replicas`, `placement` and
 * `compression` say where and how it is stored, `description` and `metadata` what it is for; `first_seq` lets a stream made anew
 * count on; `allow_direct` of the events offers one more way to read; `allow_atomic` and `allow_batched` one more way to write, which
 * each of our messages is fenced against.
 */
const unsaid = {
  max_consumers: -1,
  no_ack: false,
  sealed: false,
  deny_purge: false,
  discard_new_per_subject: false,
  template_owner: '',
  mirror: null,
  mirror_direct: false,
  sources: null,
  republish: null,
  subject_transform: null,
  consumer_limits: {},
  allow_msg_ttl: false,
  subject_delete_marker_ttl: 0,
  allow_msg_counter: false,
  allow_msg_schedules: false,
  persist_mode: 'default',
};

// A client in Go makes its buckets with `deny_delete`. The mirror removes no message; of the events an operator may have to.
const unsaidOfLog = { deny_delete: false, allow_rollup_hdrs: false };

function checkSettings(settings: StreamSettings, info: StreamInfo): void {
  const unwritten: Readonly<Record<string, unknown>> = {
    ...unsaid,
    ...(settings.keeps === 'bucket' ? {} : unsaidOfLog),
  };
  const wanted: Readonly<Record<string, unknown>> = { ...configOf(settings), ...unwritten };
  const config: Readonly<Record<string, unknown>> = { ...info.config };
  const differences = Object.entries(wanted)
    .map(([key, must]) => ({ key, is: JSON.stringify(config[key] ?? unwritten[key]), must: JSON.stringify(must) }))
    .filter(({ is, must }) => is !== must);
  if (differences.length === 0) return;
  const told = differences.map(({ key, is, must }) => `${key} is ${is} and must be ${must}`).join('; ');
  const remedies = [
    ...(differences.some(({ key }) => key === 'max_bytes') ? [remedyOfBound(settings)] : []),
    ...(differences.some(({ key }) => key !== 'max_bytes') ? [remedyOfTheRest(settings)] : []),
  ].join('. ');
  throw new StreamDiffers(`the NATS stream ${settings.name} has other settings than ours: ${told}. ${remedies}`);
}

function remedyOfBound({ name, maxBytes, maxBytesVariable }: StreamSettings): string {
  const edit = `nats stream edit ${name} --max-bytes=${maxBytes}`;
  const variable = maxBytesVariable === undefined ? '' : `, or correct ${maxBytesVariable}`;
  return `Change the bound of the stream (${edit})${variable}`;
}

/** Not all settings of a stream can be changed. */
function remedyOfTheRest({ name }: StreamSettings): string {
  return `If nobody else needs that stream, delete it (nats stream rm ${name}): it is made anew, and filled from the events`;
}
