// For an npm script of several steps: node tools/steps.mjs <step> ... -- [arguments for the last step]
// Runs the steps one after the other until one fails. A chain of && would hand --help to its last link alone, after all
// the others had run.
import { spawn } from 'node:child_process';

const purposes = {
  test: 'Everything that must hold: types, lint, import rules, then unit, integration and end-to-end tests.',
  check: 'Types, lint and import rules.',
};

const [steps, args] = split(process.argv.slice(2));

if (args.some((argument) => argument === '--help' || argument === '-h')) explain();
else process.exitCode = await runAll();

function split(all) {
  const end = all.indexOf('--');
  return [all.slice(0, end), all.slice(end + 1)];
}

function explain() {
  const script = process.env.npm_lifecycle_event ?? '';
  const list = steps.map((step) => `  ${step}`).join('\n');
  console.log(`npm ${script === 'test' ? 'test' : `run ${script}`} [-- arguments for the last step]

${purposes[script] ?? ''}
Runs, until one fails:

${list}`);
}

async function runAll() {
  for (const [index, step] of steps.entries()) {
    const code = await run(step, index === steps.length - 1 ? args : []);
    if (code !== 0) return code;
  }
  return 0;
}

/** The step hears an interrupt of the terminal as well; what it makes of it is its answer. */
function run(step, extra) {
  const child = spawn('sh', ['-c', `exec ${step} "$@"`, 'sh', ...extra], { stdio: 'inherit' });
  const wait = () => undefined;
  const pass = (signal) => child.kill(signal);
  process.on('SIGINT', wait).on('SIGTERM', pass);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => {
      process.off('SIGINT', wait).off('SIGTERM', pass);
      resolve(code ?? 1);
    });
  });
}
