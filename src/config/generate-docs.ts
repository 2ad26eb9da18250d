/** Prints docs/settings.md: `npm run docs`. */
import { settingsPage } from './settings-page.js';

process.stdout.write(settingsPage());
