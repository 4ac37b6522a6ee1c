// What the publishers that are measured tell and are told, each in a process of its own.

export type Ask = 'publish' | 'stop';

export type Told = 'ready' | 'stopped' | { readonly error: string };

/** Does what the parent asks, and ends with it. */
export function obey(publish: () => void, stop: () => Promise<void>): void {
  process.on('SIGINT', () => undefined);
  process.on('disconnect', () => process.exit());
  process.on('message', (ask: Ask) => {
    if (ask === 'publish') publish();
    else stop().then(() => tell('stopped'), fail);
  });
  tell('ready');
}

export function fail(error: unknown): void {
  tell({ error: String(error) });
}

function tell(told: Told): void {
  process.send?.(told);
}
