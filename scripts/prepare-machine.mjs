// Dependencies of the tests outside of npm: a browser, MariaDB, OpenSSH, OpenLDAP, curl and openssl. Root installs missing ones from Debian; otherwise
// prints the exact command. No test is skipped for lack of them.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const needs = [
  { package: 'curl', paths: ['/usr/bin/curl'] },
  { package: 'openssl', paths: ['/usr/bin/openssl'] },
  { package: 'pgbouncer', paths: ['/usr/sbin/pgbouncer'] },
  { package: 'chromium', paths: ['/usr/bin/chromium'] },
  { package: 'mariadb-server-core mariadb-client-core', paths: ['/usr/sbin/mariadbd'] },
  { package: 'openssh-server', paths: ['/usr/sbin/sshd'] },
  { package: 'slapd', paths: ['/usr/sbin/slapd'] },
  {
    package: 'libnss-wrapper',
    paths: ['x86_64', 'aarch64'].map((machine) => `/usr/lib/${machine}-linux-gnu/libnss_wrapper.so`),
  },
];

const missing = needs
  .filter((need) => !need.paths.some((path) => existsSync(path)))
  .map((need) => need.package);
if (missing.length > 0) {
  const command = `apt-get install -y --no-install-recommends ${missing.join(' ')}`;
  const canInstall = process.getuid?.() === 0 && existsSync('/usr/bin/apt-get');
  if (!canInstall) {
    process.stderr.write(
      `The tests need ${missing.join(' and ')}. Install with:\n\n  sudo apt-get update && sudo ${command}\n\n`,
    );
    process.exit(1);
  }
  process.stdout.write(`Installing ${missing.join(' and ')} from Debian.\n`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  for (const [program, ...parameters] of [
    ['apt-get', 'update', '-qq'],
    [
      'apt-get',
      'install',
      '-y',
      '-qq',
      '--no-install-recommends',
      ...missing.flatMap((names) => names.split(' ')),
    ],
  ]) {
    const result = spawnSync(program, parameters, { stdio: ['ignore', 'ignore', 'inherit'], env });
    if (result.status !== 0) {
      process.stderr.write(`${program} failed. Run it manually: ${command}\n`);
      process.exit(1);
    }
  }
}
