/**
 * What the reader of `npm start` and `npm test` sees: one aligned line for each thing that happened, with its time.
 * Plain JavaScript without dependencies, because it has to speak before anything is installed or built.
 */
const LABEL_WIDTH = 14;
const TEXT_WIDTH = 80;

const colours = process.stdout.isTTY === true && process.env.NO_COLOR === undefined;
const paint = (code) => (text) => (colours ? `\u001b[${code}m${text}\u001b[0m` : text);
const bold = paint('1');
const dim = paint('2');
const red = paint('31');
const green = paint('32');
const yellow = paint('33');

// A reader that went away (`npm start | head`) must not take the stack down half-way through its stop.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

const write = (line) => process.stdout.write(`${line}\n`);
const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;

function line(mark, label, text, elapsedMs) {
  const left = `${mark} ${bold(label.padEnd(LABEL_WIDTH))} `;
  if (elapsedMs === undefined) return write(`${left}${text}`);
  write(`${left}${text.padEnd(TEXT_WIDTH)} ${dim(seconds(elapsedMs).padStart(7))}`);
}

export const say = {
  title: (text) => write(`\n${bold(text)}`),
  plain: (text = '') => write(text),
  done: (label, text, elapsedMs) => line(green('✓'), label, text, elapsedMs),
  doing: (label, text) => line(dim('…'), label, dim(text)),
  notice: (label, text) => line(yellow('!'), label, text),
  wrong: (label, text, elapsedMs) => line(red('✗'), label, text, elapsedMs),
  /** Further lines that belong to the one above. */
  detail: (text) => {
    for (const each of text.split('\n')) write(`    ${dim(each)}`);
  },
  /** Why nothing further happens. */
  fault,
  bold,
  dim,
};

/** Something that the reader can put right. Shown without a stack trace; `remedy` says how. */
export class Fault extends Error {
  constructor(message, remedy) {
    super(message);
    this.name = 'Fault';
    this.remedy = remedy;
  }
}

function fault(error) {
  say.plain();
  if (error?.name !== 'Fault') return say.plain(red(error?.stack ?? String(error)));
  const [first, ...more] = error.message.split('\n');
  line(red('✗'), 'stopped', first);
  if (more.length > 0) say.detail(more.join('\n'));
  if (error.remedy) say.plain(`  ${error.remedy.replaceAll('\n', '\n  ')}`);
}
