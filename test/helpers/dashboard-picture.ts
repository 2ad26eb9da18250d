/**
 * Takes the README's picture of the dashboard: `node dist/test/helpers/dashboard-picture.js [FILE] [WIDTH] [HEIGHT] [light|dark]`.
 * The page is the real one; the figures are simulated traffic (simulated-traffic.ts) of some minutes, run through
 * the browser's clock at many times its speed.
 */
import { launchChromium, until } from './chromium.js';
import { simulatedTraffic } from './simulated-traffic.js';
import { StatsServer } from './stats-server.js';

const SECONDS = 320;
const [file = 'docs/dashboard.png', width = '1400', height = '1320', theme = 'dark'] = process.argv.slice(2);

const server = new StatsServer();
const start = Date.parse('2026-03-14T09:26:53');
const traffic = simulatedTraffic(start);
server.serve(() => traffic.next().value);
await server.start();
const browser = await launchChromium();
try {
  const page = await browser.newPage({
    viewport: { width: Number(width), height: Number(height) },
    colorScheme: theme === 'light' ? 'light' : 'dark',
  });
  await page.clock.install({ time: start - 1000 });
  await page.clock.pauseAt(start);
  await page.goto(`${server.origin}/statsPage.html`);
  for (let points = 1; points < SECONDS; points++) {
    await until(page, `handoverDashboard.points >= ${points}`);
    await page.clock.fastForward(1000);
  }
  await page.clock.runFor(700);
  await page.screenshot({ path: file });
} finally {
  await browser.close();
  await server.stop();
}
