// Preloaded into a process: it is asked to end when its standard input does, hence also when whoever started it was killed.
import { Socket } from 'node:net';

const { stdin } = process;
stdin.once('end', () => process.kill(process.pid, 'SIGTERM')).resume();
// A pipe is a socket here. To listen to it is no reason to stay.
if (stdin instanceof Socket) stdin.unref();
