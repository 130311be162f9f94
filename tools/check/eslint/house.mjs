/** Rules of the house that no published plugin has. */
import { relative, sep } from 'node:path';

/** Names that say nothing: a file called so collects whatever has no place. */
const EMPTY_NAMES = new Set([
  'utils',
  'util',
  'helpers',
  'helper',
  'common',
  'shared',
  'core',
  'base',
  'manager',
  'misc',
  'data',
  'info',
]);

const ROOMS = ['domain', 'pipeline', 'adapters'];
/** By what is adapted. `schedule` is what the passing of time drives, as http is what callers drive. */
const ADAPTER_ROOMS = [
  'http',
  'kafka',
  'postgres',
  'redis',
  'directory',
  'schedule',
  'metrics',
  'network',
  'webhook',
  'whatsapp',
  'smtp',
  'log',
];

const isTest = (name) => /\.(spec|int-spec|fault-spec|acceptance-spec)\.ts$/.test(name);

/** What lies beside the rooms is wiring, and ports.ts. @param {string[]} parts of the path below `services/<name>/src` */
function strayInService(parts) {
  const [room, inner] = parts;
  if (parts.length === 1) return undefined;
  if (!ROOMS.includes(room)) return `"${room}" is no room of a service: those are ${ROOMS.join(', ')}`;
  if (room === 'adapters' && (parts.length < 3 || !ADAPTER_ROOMS.includes(inner))) {
    return `adapters are kept by what they adapt: ${ADAPTER_ROOMS.map((name) => `adapters/${name}/`).join(', ')}`;
  }
  return undefined;
}

const fileName = {
  meta: {
    type: 'suggestion',
    schema: [],
    docs: { description: 'Files are named for what they hold, and lie in a room of the service.' },
  },
  create(context) {
    return {
      Program(node) {
        const parts = relative(context.cwd, context.filename).split(sep);
        for (const part of parts) {
          const empty = part.split('.').find((word) => EMPTY_NAMES.has(word));
          if (empty)
            context.report({
              node,
              message: `"${part}": "${empty}" says nothing of what is inside; name the idea`,
            });
        }
        const file = parts.at(-1) ?? '';
        if (!/^\.?[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)*$/.test(file)) {
          context.report({ node, message: `"${file}" is not in lower-case words joined by dashes` });
        }
        if (parts[0] === 'services' && parts[2] === 'src' && !isTest(file)) {
          const stray = strayInService(parts.slice(3));
          if (stray) context.report({ node, message: stray });
        }
      },
    };
  },
};

/** A lane that leaves tests out proves less than it says. */
const wholeLane = {
  meta: {
    type: 'problem',
    schema: [],
    docs: { description: 'No test is run alone, left out or promised for later.' },
  },
  create(context) {
    const TESTS = new Set(['describe', 'it', 'test']);
    const rootName = (node) =>
      node.type === 'Identifier'
        ? node.name
        : node.type === 'MemberExpression'
          ? rootName(node.object)
          : undefined;
    return {
      MemberExpression(node) {
        const { name } = node.property;
        if (['only', 'skip', 'todo', 'failing'].includes(name) && TESTS.has(rootName(node.object))) {
          context.report({ node, message: `".${name}" makes the lane prove less than it says` });
        }
      },
      'CallExpression > Identifier.callee'(node) {
        if (['fit', 'fdescribe', 'xit', 'xdescribe', 'xtest'].includes(node.name)) {
          context.report({ node, message: `"${node.name}" makes the lane prove less than it says` });
        }
      },
    };
  },
};

/** The clock and chance are inputs of the domain: with them inside, a decision cannot be repeated. */
const pure = {
  meta: {
    type: 'problem',
    schema: [],
    docs: { description: 'Domain code has no clock, no chance and no process.' },
  },
  create(context) {
    const GLOBALS = new Set([
      'process',
      'console',
      'fetch',
      'performance',
      'crypto',
      'setTimeout',
      'setInterval',
      'setImmediate',
      'queueMicrotask',
    ]);
    const CALLS = new Set(['Date.now', 'Math.random']);
    const REPEATABLE_CRYPTO = new Set(['createHash', 'createHmac', 'hash', 'timingSafeEqual']);
    return {
      'Program:exit'(node) {
        for (const reference of context.sourceCode.getScope(node).through) {
          const { identifier } = reference;
          if (GLOBALS.has(identifier.name))
            context.report({
              node: identifier,
              message: `"${identifier.name}" has no place in pure code: take what you need as an argument`,
            });
        }
      },
      ImportDeclaration(node) {
        if (!['crypto', 'node:crypto'].includes(node.source.value)) return;
        for (const { imported } of node.specifiers) {
          if (!imported || !REPEATABLE_CRYPTO.has(imported.name)) {
            context.report({
              node,
              message: 'of node:crypto only hashes are repeatable: take ids and keys as arguments',
            });
          }
        }
      },
      MemberExpression(node) {
        const name = `${node.object.name}.${node.property.name}`;
        if (CALLS.has(name))
          context.report({
            node,
            message: `"${name}" has no place in pure code: take the value as an argument`,
          });
      },
      NewExpression(node) {
        if (node.callee.name === 'Date' && node.arguments.length === 0) {
          context.report({ node, message: '"new Date()" reads the clock: take the moment as an argument' });
        }
      },
      AwaitExpression(node) {
        context.report({ node, message: 'pure code waits for nothing: load first, then decide' });
      },
    };
  },
};

export default { rules: { 'file-name': fileName, 'whole-lane': wholeLane, pure } };
