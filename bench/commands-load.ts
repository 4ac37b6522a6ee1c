// Sends commands over HTTP, as a process of its own: as many at a time as there are connections, each the next when it is
// answered.

import autocannon from 'autocannon';

export type Load = {
  readonly url: string;
  readonly connections: number;
  readonly commands: number;
  /** Grows with every load, so that no device id comes twice and every change is one. */
  readonly visit: number;
  readonly headers: Readonly<Record<string, string>>;
} & (
  | { readonly ask: 'create'; readonly factories: readonly string[] }
  /** As many as there are commands: each is changed once. */
  | { readonly ask: 'change'; readonly gateways: readonly string[] }
);

/** How long the commands took, or what was wrong. */
export type Loaded = { readonly seconds: number } | { readonly error: string };

process.on('SIGINT', () => undefined);
process.on('disconnect', () => process.exit());
process.on('message', (load: Load) => {
  send(load).then(
    (loaded) => process.send?.(loaded),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});

function send(load: Load): Promise<Loaded> {
  const { url, connections, commands } = load;
  const requests = requestsOf(load);
  let started = 0;
  return new Promise((resolve, reject) => {
    let connection = 0;
    let last = 0;
    const running = autocannon(
      {
        url,
        connections,
        amount: commands,
        // Every so often it looks whether all is done; the time is taken below.
        sampleInt: 50,
        setupClient: (client) => {
          client.setRequests(requests.filter((_, index) => index % connections === connection));
          connection += 1;
        },
      },
      (error, result) => {
        if (error) return reject(error);
        const { non2xx, errors, timeouts } = result;
        if (result['2xx'] === commands) return resolve({ seconds: (last - started) / 1_000 });
        const wrong = `${result['2xx']} of ${commands} commands succeeded: ${non2xx} refusals, ${errors} errors, ${timeouts} time-outs`;
        reject(new Error(`${url}, ${load.ask}: ${wrong}`));
      },
    );
    running.on('start', () => {
      started = performance.now();
    });
    running.on('response', () => {
      last = performance.now();
    });
  });
}

function requestsOf(load: Load): readonly autocannon.Request[] {
  const headers = { 'content-type': 'application/json', ...load.headers };
  return Array.from({ length: load.commands }, (_, index) => {
    const [method, path, body] = load.ask === 'create' ? creation(load, index) : change(load, index);
    return { method, path, headers, body: JSON.stringify(body) };
  });
}

function creation({ factories, visit }: Extract<Load, { ask: 'create' }>, index: number) {
  const body = {
    factory_id: factories[index % factories.length],
    gateway_id: `GW-${visit}-${index}`,
    name: `Gateway ${index} of hall ${index % 40}`,
    url: `wss://10.${index % 250}.0.1:8443/sensors`,
    email: `gateway-${index}@example.com`,
    password: `correct horse battery ${index}`,
    model: 'CTC-GW-100',
    firmware_version: `1.${index % 23}.0`,
    metadata: { line: index % 9, floor: 'ground' },
  };
  return ['POST', '/api/gateways', body] as const;
}

// In another order each time: whoever remembers what was changed last is not to know what comes next.
function change({ gateways, visit }: Extract<Load, { ask: 'change' }>, index: number) {
  const stride = strides[visit % strides.length] ?? 1;
  const id = gateways[(index * stride + visit * 4_801) % gateways.length];
  return [
    'PUT',
    `/api/gateways/${id}`,
    { name: `Changed by visit ${visit}`, firmware_version: `2.${visit}.0` },
  ] as const;
}

/** Primes: each order visits all, unless there are as many as one of these. */
const strides = [7_919, 6_271, 3_571, 9_001, 1_877];
