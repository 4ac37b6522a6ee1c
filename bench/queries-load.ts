// Sends requests, as a process of its own: as many at a time as there are connections, each the next when it is answered.

import autocannon from 'autocannon';
import { factoryId, gatewayId, isDeleted } from './queries-data.ts';

export interface Load {
  /** Where the service listens. */
  readonly url: string;
  readonly connections: number;
  readonly seconds: number;
  /** One of these after the other; each connection begins elsewhere. */
  readonly paths: Paths;
}

/** A path, or those of gateways or factories by their numbers, up to the greatest. */
export type Paths = string | { readonly of: 'gateway' | 'factory'; readonly upTo: number };

export interface Answered {
  readonly requests: number;
  readonly perSecond: number;
}

/** The path of the list of all, the last one that was made first. */
const newest = '/api/gateways?sort=-created_at';

/** A service that answers nothing for so long does not answer. */
const mostSeconds = 30;

/** How many different paths a connection asks for. */
const differentPaths = 300;

process.on('SIGINT', () => undefined);
process.on('disconnect', () => process.exit());
process.on('message', (load: Load) => {
  send(load).then(
    (answered) => process.send?.(answered),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});

/** A visit may be too short for a machine that has much else to do: then another lasts twice as long, until something is answered. */
async function send(load: Load): Promise<Answered> {
  let [requests, duration] = [0, 0];
  for (let { seconds } = load; requests === 0; seconds *= 2) {
    if (duration > mostSeconds) throw new Error(`${load.url} has answered nothing for ${Math.round(duration)} s`);
    const visited = await visit({ ...load, seconds });
    requests += visited['2xx'];
    duration += visited.duration;
  }
  return { requests, perSecond: requests / duration };
}

async function visit({ url, connections, seconds, paths }: Load): Promise<autocannon.Result> {
  let started = 0;
  const result = await autocannon({
    url,
    connections,
    duration: seconds,
    // It looks so often whether its time is up: a second is long where everything is small.
    sampleInt: Math.ceil(Math.min(1, seconds) * 1_000),
    setupClient(client) {
      client.setRequests(pathsFrom(paths, started++).map((path) => ({ method: 'GET', path })));
    },
  });
  const { non2xx, errors, timeouts } = result;
  if (non2xx + errors + timeouts > 0) {
    throw new Error(`${url}, ${JSON.stringify(paths)}: ${non2xx} refusals, ${errors} errors, ${timeouts} time-outs`);
  }
  return result;
}

/** The same ones in each run, spread over all there are. */
function pathsFrom(paths: Paths, connection: number): readonly string[] {
  if (typeof paths === 'string') return [paths];
  const { of, upTo } = paths;
  const numbers = Array.from(
    { length: Math.min(differentPaths, upTo) },
    (_, index) => (((index + 1) * 7_919 + connection * 104_729) % upTo) + 1,
  );
  if (of === 'factory') return numbers.map((number) => `${newest}&factory_id=${factoryId(number)}`);
  return numbers.filter((number) => !isDeleted(number)).map((number) => `/api/gateways/${gatewayId(number)}`);
}
