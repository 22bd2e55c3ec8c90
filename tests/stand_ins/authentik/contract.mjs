// Authentik's published contract in front of a double: every request and every answer is held against the
// OpenAPI document of Authentik 2026.8.5 by Prism, in its proxy mode.
//
//   node contract.mjs <address of the double>
//
// Listens on a free port of 127.0.0.1 and prints `listening <address>` when it is ready, then what Prism
// says, line by line. It ends when its standard input does, so that it never outlives a test.
//
// The document is part of the crate `authentik-client` (MIT). `cargo info` fetches that one crate into
// Cargo's own folder; nothing of it is compiled, and nothing of it is kept in this repository. Only the paths
// of users and groups are taken over, below `/api/v3`, since Prism does not look at the path of `servers`.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import yaml from 'js-yaml';

const CRATE = 'authentik-client';
const VERSION = '2026.8.5';
const KEPT = /^\/core\/(users|groups)\//;
const here = dirname(fileURLToPath(import.meta.url));
const contract = join(here, `contract-${VERSION}.json`);

function published() {
  const sources = join(process.env.CARGO_HOME ?? join(homedir(), '.cargo'), 'registry', 'src');
  const registries = existsSync(sources) ? readdirSync(sources) : [];
  return registries.map((name) => join(sources, name, `${CRATE}-${VERSION}`, 'schema.yml')).find(existsSync);
}

function fetched() {
  if (!published()) {
    execFileSync(process.env.CARGO ?? 'cargo', ['info', '--quiet', `${CRATE}@${VERSION}`], {
      cwd: tmpdir(), stdio: ['ignore', 'ignore', 'inherit'],
    });
  }
  return published() ?? fail('the contract was not fetched');
}

function fail(why) {
  console.error(why);
  process.exit(1);
}

function* references(value) {
  if (value === null || typeof value !== 'object') return;
  for (const [name, below] of Object.entries(value)) {
    if (name === '$ref' && typeof below === 'string') yield below;
    else yield* references(below);
  }
}

// The kept paths and what they refer to.
function pruned(document) {
  const paths = Object.entries(document.paths).filter(([path]) => KEPT.test(path));
  const kept = { paths: Object.fromEntries(paths.map(([path, item]) => [`/api/v3${path}`, item])) };
  const components = { securitySchemes: document.components.securitySchemes };
  const waiting = [kept.paths];
  while (waiting.length > 0) {
    for (const reference of references(waiting.pop())) {
      const [, , section, name] = reference.split('/');
      components[section] ??= {};
      if (components[section][name] === undefined) {
        components[section][name] = document.components[section][name];
        waiting.push(components[section][name]);
      }
    }
  }
  return { openapi: document.openapi, info: document.info, servers: [{ url: '/' }], ...kept, components };
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

if (!existsSync(contract)) {
  const document = pruned(yaml.safeLoad(readFileSync(fetched(), 'utf8')));
  writeFileSync(`${contract}.${process.pid}`, JSON.stringify(document));
  renameSync(`${contract}.${process.pid}`, contract);
}
const upstream = process.argv[2] ?? fail('say where the double is');
const port = await freePort();
const cli = join(here, 'node_modules', '@stoplight', 'prism-cli', 'dist', 'index.js');
const prism = spawn(
  process.execPath,
  [cli, 'proxy', '--host', '127.0.0.1', '--port', String(port), '--errors', contract, upstream],
  { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' } },
);
prism.on('exit', () => process.exit(1));
prism.stdout.setEncoding('utf8');
let rest = '';
prism.stdout.on('data', (text) => {
  const lines = (rest + text).split('\n');
  rest = lines.pop();
  for (const line of lines) {
    if (line.includes('Prism is listening')) console.log(`listening http://127.0.0.1:${port}`);
    else console.log(line);
  }
});
process.stdin.resume();
process.stdin.on('end', () => {
  prism.kill();
  process.exit(0);
});
