// What is said to people of what happens. No address and no password is in it.
import type { Gateway } from '../../client/src/index.ts';
import type { ConnectionStatus, Transition } from './connection.ts';
import type { Reading } from './device.ts';

const words: Readonly<Record<ConnectionStatus, string>> = {
  waiting: 'waits for the password',
  connecting: 'connecting',
  'logging-in': 'logging in',
  connected: 'connected',
  'backing-off': 'waits before it is tried again',
  closed: 'closed',
};

/** `GW-1: connecting → logging in` */
export function transitionLine({ gateway, from, to, reason }: Transition): string {
  return `${nameOf(gateway)}: ${words[from]} → ${words[to]}${reason === undefined ? '' : ` (${printable(reason)})`}`;
}

/** `GW-1: hall is 21.5 °C` */
export function readingLine(gateway: Gateway, { sensor, value, unit }: Reading): string {
  return `${nameOf(gateway)}: ${printable(sensor)} is ${value} ${printable(unit)}`;
}

function nameOf({ gateway_id }: Gateway): string {
  return printable(gateway_id);
}

// Devices and people choose these texts: none of them may begin a line of its own, or turn the terminal upside down.
function printable(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '\u{fffd}');
}
