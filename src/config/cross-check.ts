/** What no single value shows: settings that contradict each other. Pure. */
import { basename } from 'node:path';
import { wantsTls } from './certificate.js';
import type { ConfigMistake } from './mistake.js';
import { mistakeIn, type Placed } from './place.js';
import type { SettingName } from './setting.js';
import type { Settings } from './settings.js';
import { socketPathOf } from './socket-path.js';
import { rowOf } from './table.js';

/** The mistakes between values. A setting whose own value could not be read is left out. */
export function crossCheck(settings: Settings, placed: Placed): ConfigMistake[] {
  const mistakes: ConfigMistake[] = [];
  const blame = (name: SettingName, message: string, hint: string): void => {
    mistakes.push(mistakeIn(name, placed, { message, hint }));
  };
  const known = (...names: SettingName[]): boolean => names.every((name) => !placed.unread.has(name));

  const cacheKb = settings.cacheSizeMb * 1024;
  if (known('cacheSizeMb', 'cacheMaxFileKb') && settings.cacheMaxFileKb > cacheKb) {
    const message = `larger than the whole cache, which is CACHE_SIZE_MB=${settings.cacheSizeMb}`;
    blame('cacheMaxFileKb', message, `write at most ${cacheKb}`);
  }
  if (known('tlsCert', 'tlsKey') && (settings.tlsCert === '') !== (settings.tlsKey === '')) {
    const [given, other] =
      settings.tlsCert === '' ? (['tlsKey', 'tlsCert'] as const) : (['tlsCert', 'tlsKey'] as const);
    const { key } = rowOf(other);
    blame(given, `TLS needs ${key} too`, `write ${key}=${rowOf(other).example}`);
  }
  if (known('tlsCert', 'tlsKey') && wantsTls(settings)) {
    if (known('host') && socketPathOf(settings.host) !== undefined) {
      const message = 'TLS needs an address with ports, and HOST is a Unix-domain socket';
      blame('tlsCert', message, 'write an address in HOST, or leave TLS to the proxy in front');
    } else if (known('tlsPort', 'port') && settings.tlsPort === settings.port && settings.port !== 0) {
      blame('tlsPort', 'this is the plain PORT too', 'write another');
    }
  } else if (known('tlsCert', 'tlsKey', 'tlsRedirect') && settings.tlsRedirect !== 'off') {
    blame('tlsRedirect', 'TLS is off', 'set TLS_CERT and TLS_KEY, or write off');
  }
  if (known('errorPages')) {
    const twice = firstRepeated(settings.errorPages.map((page) => page.status));
    if (twice !== undefined) blame('errorPages', `status ${twice} has two pages`, 'remove one of the two');
  }
  if (basename(settings.statsFile) === 'stats.json') {
    blame('statsFile', 'stats.json is the name of the file that is written beside it', 'write statFile.txt');
  }
  for (const [name, other] of sharedPaths(settings, placed.configFile)) {
    blame(name, `this is the file of ${other} too`, 'name another file');
  }
  return mistakes;
}

function firstRepeated(numbers: readonly number[]): number | undefined {
  return numbers.find((number, index) => numbers.indexOf(number) < index);
}

/** Settings that name a file which something else is written to or read from. */
function sharedPaths(settings: Settings, configFile: string | undefined): [SettingName, string][] {
  const users = new Map<string, string>();
  if (configFile !== undefined) users.set(configFile, 'the configuration');
  const shared: [SettingName, string][] = [];
  for (const name of ['logFile', 'statsFile', 'pidFile'] as const) {
    const path = settings[name];
    if (path === '' || path === '-') continue;
    const other = users.get(path);
    if (other === undefined) users.set(path, rowOf(name).key);
    else shared.push([name, other]);
  }
  return shared;
}
