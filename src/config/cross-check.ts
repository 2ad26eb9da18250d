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
  checkFurtherPort('getfilePort', 'GetFile', settings, known, blame);
  checkFurtherPort('jobsPort', 'a port for jobs', settings, known, blame);
  if (known('jobsDir') && settings.jobsDir === '') {
    const hint = 'set JOBS_DIR, or write off';
    for (const name of ['jobsPort', 'jobsReducer'] as const) {
      const isOff = settings[name] === 'off' || settings[name] === '';
      if (known(name) && !isOff) blame(name, 'there are no jobs: JOBS_DIR is off', hint);
    }
  }
  if (known('webdav', 'writable') && settings.webdav && settings.writable.length === 0) {
    blame('webdav', 'nothing can be written: WRITABLE is off', 'set WRITABLE, or write off');
  }
  if (known('errorPages')) {
    const twice = firstRepeated(settings.errorPages.map((page) => page.status));
    if (twice !== undefined) blame('errorPages', `status ${twice} has two pages`, 'remove one of the two');
  }
  if (known('proxy')) {
    const twice = firstRepeated(settings.proxy.map(({ prefix }) => prefix));
    const hint = 'write both in one line, where they stand in for one another';
    if (twice !== undefined) blame('proxy', `${twice} has upstreams in two lines`, hint);
  }
  if (basename(settings.statsFile) === 'stats.json') {
    blame('statsFile', 'stats.json is the name of the file that is written beside it', 'write statFile.txt');
  }
  for (const [name, other] of sharedPaths(settings, placed.configFile)) {
    blame(name, `this is the file of ${other} too`, 'name another file');
  }
  return mistakes;
}

type Blame = (name: SettingName, message: string, hint: string) => void;

/** A port beside the plain one, on which something else is spoken. */
function checkFurtherPort(
  name: 'getfilePort' | 'jobsPort',
  what: string,
  settings: Settings,
  known: (...names: SettingName[]) => boolean,
  blame: Blame,
): void {
  const { host, port, tlsPort } = settings;
  const { [name]: further } = settings;
  if (further === 'off' || !known(name)) return;
  if (known('host') && socketPathOf(host) !== undefined) {
    const message = `${what} needs an address with ports, and HOST is a Unix-domain socket`;
    blame(name, message, 'write an address in HOST, or off');
  } else if (further === 0) return;
  else if (known('port') && further === port) blame(name, 'this is the plain PORT too', 'write another');
  else if (known('tlsCert', 'tlsKey', 'tlsPort') && wantsTls(settings) && further === tlsPort) {
    blame(name, 'this is TLS_PORT too', 'write another');
  } else if (name === 'jobsPort' && known('getfilePort') && further === settings.getfilePort) {
    blame(name, 'this is GETFILE_PORT too', 'write another');
  }
}

function firstRepeated<T>(values: readonly T[]): T | undefined {
  return values.find((value, index) => values.indexOf(value) < index);
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
