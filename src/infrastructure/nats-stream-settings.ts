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

function checkSettings(settings: StreamSettings, { config }: StreamInfo): void {
  const wanted = configOf(settings);
  const differences = (Object.keys(wanted) as (keyof typeof wanted)[])
    .map((key) => ({ key, is: JSON.stringify(config[key]), must: JSON.stringify(wanted[key]) }))
    .filter(({ is, must }) => is !== must);
  if (differences.length === 0) return;
  const told = differences.map(({ key, is, must }) => `${key} is ${is} and must be ${must}`).join('; ');
  const remedy = differences.some(({ key }) => key === 'max_bytes') ? `. ${remedyOfBound(settings)}` : '';
  throw new StreamDiffers(`the NATS stream ${settings.name} has other settings than ours: ${told}${remedy}`);
}

function remedyOfBound({ name, maxBytes, maxBytesVariable }: StreamSettings): string {
  const edit = `nats stream edit ${name} --max-bytes=${maxBytes}`;
  const variable = maxBytesVariable === undefined ? '' : `, or correct ${maxBytesVariable}`;
  return `Change the bound of the stream (${edit})${variable}`;
}
