/** `handover [DIR]`: makes the settings, starts the master on them, and says where the site is. */
import { networkInterfaces } from 'node:os';
import { shownPath } from '../config/assignment.js';
import { type LoadedSettings, loadSettings, type SettingsRequest } from '../config/load.js';
import type { ConfigMistake } from '../config/mistake.js';
import { printSettings } from '../config/print.js';
import { nearest } from '../config/suggest.js';
import { EXIT, type ExitCode } from '../errors.js';
import { type InheritedSocket, takeActivation } from '../master/activation.js';
import { Master, type Started } from '../master/master.js';
import { installSignals } from '../master/signals.js';
import { VERSION } from '../version.js';
import { type BannerFacts, renderBanner, siteUrls } from './banner.js';
import { openBrowser } from './browser.js';
import type { CommandLine } from './command-line.js';
import { exposedFiles } from './exposed.js';
import { listenOrNext } from './listen.js';
import { COMMANDS } from './options.js';
import { reportMistakes } from './report.js';
import { settingsRequest } from './request.js';
import type { Terminal } from './terminal.js';

const DASHBOARD_PATH = '/statsPage.html';

/** Resolves when the server is ready or cannot be; from then on the master keeps the process alive. */
export async function serve(line: CommandLine, terminal: Terminal): Promise<ExitCode> {
  const request = settingsRequest(line, terminal);
  const loaded = loadSettings(request);
  if (loaded.mistakes.length > 0) return reportMistakes(withCommandNames(loaded.mistakes, line), terminal);
  const { settings, origins } = loaded;
  if (line.switches.has('print-config')) {
    terminal.out(printSettings(settings, origins, terminal.cwd));
    return EXIT.ok;
  }
  // From the process itself: workers get its environment.
  const activation = takeActivation(process.env, process.pid);
  const inherited = activation.sockets;
  const asked = origins.port.kind !== 'default' || inherited.length > 0;
  const wanted = { host: settings.host, port: settings.port, asked };
  const { result: started, notes } = await listenOrNext(wanted, (port) => {
    return startMaster(withPort(loaded, port), inherited, request, terminal);
  });
  // Told to end before it was ready: the master sees to the exit.
  if (started === undefined) return EXIT.ok;
  const facts = {
    ...bannerFacts(loaded, started, terminal.cwd),
    notes: [
      ...notes,
      ...activation.notes,
      ...activationNotes(started),
      ...transportNotes(started),
      ...exposedFiles(loaded, terminal.cwd),
    ],
  };
  terminal.out(renderBanner(facts, terminal.colour));
  if (line.switches.has('open')) {
    const [url] = started.addresses
      .map((address) => siteUrls(address))
      .map(({ local, network }) => local ?? network);
    if (url !== undefined) openBrowser(url, (text) => terminal.err(`${text}\n`));
  }
  return EXIT.ok;
}

/** A master belongs to one address: for another port another one is made. */
async function startMaster(
  loaded: LoadedSettings,
  inherited: readonly InheritedSocket[],
  request: SettingsRequest,
  terminal: Terminal,
): Promise<Started | undefined> {
  const { settings } = loaded;
  const master = new Master({
    settings,
    version: VERSION,
    inherited,
    reload: () => withPort(loadSettings(request), settings.port),
    report: (text) => terminal.err(`handover: ${text}\n`),
    onEnd: (code) => process.exit(code),
  });
  // From the first moment: whoever is told to end while it starts must leave nothing behind.
  const uninstall = installSignals(master);
  try {
    return await master.start();
  } catch (error) {
    uninstall();
    throw error;
  }
}

/** The same settings with the port that was found, unless somebody asks for one. */
function withPort(loaded: LoadedSettings, port: number): LoadedSettings {
  if (loaded.origins.port.kind !== 'default') return loaded;
  return { ...loaded, settings: Object.freeze({ ...loaded.settings, port }) };
}

/** `handover stpo` names a directory that is not there: a command may be what was meant. */
function withCommandNames(mistakes: readonly ConfigMistake[], line: CommandLine): readonly ConfigMistake[] {
  const { operand } = line;
  const command = operand === undefined ? undefined : nearest(operand, COMMANDS.slice(1));
  if (command === undefined) return mistakes;
  const hint = `did you mean the command ${command}?`;
  return mistakes.map((mistake) =>
    mistake.key === 'DIR' && mistake.unreadable ? { ...mistake, hint } : mistake,
  );
}

function activationNotes({ addresses }: Started): readonly string[] {
  const { length } = addresses.filter(({ fd }) => fd !== undefined);
  if (length === 0) return [];
  const sockets = length === 1 ? 'the socket is' : `the ${length} sockets are`;
  return [`${sockets} inherited (LISTEN_FDS); HOST and PORT are not used`];
}

function transportNotes({ fallback }: Started): readonly string[] {
  if (fallback === undefined) return [];
  return [`the native transport, which is faster, cannot be had here: ${fallback}`];
}

function bannerFacts(loaded: LoadedSettings, started: Started, cwd: string): Omit<BannerFacts, 'notes'> {
  const { settings, configFile } = loaded;
  return {
    version: VERSION,
    directory: settings.documentRoot,
    addresses: started.addresses,
    networkAddress: networkAddress(),
    dashboardPath: settings.statsAllow.length === 0 ? undefined : DASHBOARD_PATH,
    workers: settings.numWorkers,
    threadsPerWorker: settings.threadsPerWorker,
    transport: started.transport,
    configFile: configFile === undefined ? undefined : shownPath(configFile, cwd),
  };
}

/** The first IPv4 address of this machine that is not its own loopback. */
function networkAddress(): string | undefined {
  const interfaces = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return interfaces.find(({ family, internal }) => family === 'IPv4' && !internal)?.address;
}
