/**
 * Style and script of the listing page, as text: they are sent inside the page, and their digests stand
 * in its Content-Security-Policy. The script only adds to a page that is whole without it.
 */

const icon = (body: string) =>
  `url("data:image/svg+xml,${encodeURIComponent(
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 20 20" fill="none" stroke="#000" stroke-width="1.5" stroke-linejoin="round" stroke-linecap="round">${body}</svg>`,
  )}")`;

const SHEET = '<path d="M5 2.75h6.5l4 4v10.5h-10.5z"/><path d="M11.25 2.75v4.25h4.25"/>';

const ICONS = {
  dir: icon('<path fill="#000" d="M2.5 15.75v-11.5h5.25l1.75 2h8v9.5z"/>'),
  file: icon(SHEET),
  text: icon(`${SHEET}<path d="M7.5 10.25h5.5M7.5 13.25h5.5"/>`),
  image: icon(
    '<rect x="2.75" y="3.75" width="14.5" height="12.5" rx="1.5"/><circle cx="7" cy="8" r="1.25"/><path d="M3 14.5l4-3.5 2.75 2.25 3.5-3.5 4 4"/>',
  ),
  media: icon(
    '<rect x="2.75" y="3.75" width="14.5" height="12.5" rx="1.5"/><path d="M8.5 7.5l4 2.5-4 2.5z"/>',
  ),
  archive: icon('<path d="M3 3.5h14v4h-14zM4.25 7.5v9h11.5v-9M8.25 10.5h3.5"/>'),
  up: icon('<path d="M10 16.25v-12M5 9l5-5 5 5"/>'),
};

/** Stands in a `style` element. */
export const STYLE = `
:root {
  --page: #f6f7f9; --card: #fff; --text: #1b2330; --soft: #5b6675; --line: #e3e7ec; --hover: #eef4fc;
  --link: #0b57b8; --dir: #2f7de1; --focus: #0b57b8;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0f141b; --card: #171e27; --text: #e4e9f0; --soft: #9aa7b7; --line: #28323f; --hover: #1f2935;
    --link: #8fc1ff; --dir: #6aa9f7; --focus: #8fc1ff;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 66rem; background: var(--page); color: var(--text);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
}
.away { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; margin: 0; }
nav { font-size: 1.375rem; font-weight: 600; letter-spacing: -.01em; overflow-wrap: anywhere; }
nav i { font-style: normal; font-weight: 400; color: var(--soft); margin: 0 .4em; }
a { color: var(--link); text-decoration: none; }
a:hover { text-decoration: underline; }
:focus-visible { outline: 2px solid var(--focus); outline-offset: 2px; border-radius: 4px; }
.tools { display: flex; flex-wrap: wrap; align-items: center; justify-content: space-between; gap: .5rem 1rem; margin: .25rem 0 1rem; min-height: 2.5rem; }
.sum { margin: 0; color: var(--soft); font-variant-numeric: tabular-nums; }
input {
  font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: 8px;
  padding: .375rem .75rem; width: 16rem; max-width: 100%;
}
input::placeholder { color: var(--soft); opacity: 1; }
[hidden] { display: none !important; }
table { width: 100%; border-collapse: separate; border-spacing: 0; background: var(--card); border: 1px solid var(--line); border-radius: 12px; overflow: clip; }
th, td { padding: .5rem 1rem; text-align: left; vertical-align: baseline; }
th { position: sticky; top: 0; z-index: 1; background: var(--card); color: var(--soft); font-weight: 600; font-size: .8125rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
th small { font-size: inherit; font-weight: 400; }
th button { all: unset; position: relative; cursor: pointer; margin: -.25rem -.5rem; padding: .25rem .5rem; }
th button:hover { color: var(--text); }
th button:focus-visible { outline: 2px solid var(--focus); border-radius: 4px; }
th button::after { position: absolute; left: calc(100% - .35rem); }
th[aria-sort] button { color: var(--text); }
th[aria-sort="ascending"] button::after { content: "\\2191" / ""; }
th[aria-sort="descending"] button::after { content: "\\2193" / ""; }
tbody tr + tr td, tbody + tbody tr:first-child td { border-top: 1px solid var(--line); }
tbody tr:hover { background: var(--hover); }
th:nth-child(2), td:nth-child(2) { text-align: right; }
td:nth-child(2), td:nth-child(3) { color: var(--soft); white-space: nowrap; font-variant-numeric: tabular-nums; width: 1%; }
td:first-child { overflow-wrap: anywhere; padding-left: 3rem; position: relative; }
td:first-child::before {
  content: ""; position: absolute; left: 1.1rem; top: .625rem; width: 1.25rem; height: 1.25rem;
  background: var(--soft); -webkit-mask: var(--icon) center / contain no-repeat; mask: var(--icon) center / contain no-repeat;
}
.file { --icon: ${ICONS.file}; } .text { --icon: ${ICONS.text}; } .image { --icon: ${ICONS.image}; }
.media { --icon: ${ICONS.media}; } .archive { --icon: ${ICONS.archive}; } .up { --icon: ${ICONS.up}; }
.dir { --icon: ${ICONS.dir}; } .dir td:first-child::before { background: var(--dir); }
td a { display: block; margin: -.5rem -1rem -.5rem -3rem; padding: .5rem 1rem .5rem 3rem; }
td a:focus-visible { outline-offset: -2px; }
.code { font: .75em ui-monospace, monospace; border: 1px solid var(--line); border-radius: 4px; padding: 0 .25em; margin: 0 .1em; color: var(--soft); }
.note { margin: 0 0 1rem; padding: .625rem 1rem; border: 1px solid var(--line); border-left: 4px solid var(--dir); border-radius: 8px; background: var(--card); }
.none { text-align: center; color: var(--soft); padding: 2rem 0; margin: 0; }
@media (max-width: 40rem) {
  body { padding: 1rem .75rem 3rem; }
  nav { font-size: 1.125rem; }
  input { width: 100%; }
  th, td { padding: .5rem .625rem; }
  td:first-child { padding-left: 2.25rem; }
  td:first-child::before { left: .6rem; }
  td a { margin: -.5rem -.625rem -.5rem -2.25rem; padding: .5rem .625rem .5rem 2.25rem; }
  td:nth-child(2), td:nth-child(3), th { font-size: .8125rem; }
  time span, th small { display: none; }
}
@media print { body { max-width: none; padding: 0; background: none; } input { display: none; } th { position: static; } }
`;

/** Stands in a `script` element at the end of the page. */
export const SCRIPT = `
(() => {
  const table = document.querySelector('table');
  const body = document.getElementById('entries');
  const filter = document.querySelector('input');
  const status = document.querySelector('.sum');
  const none = document.querySelector('.none');
  const rows = [...body.rows];
  if (rows.length === 0) return;

  // Times as the reader's clock tells them.
  const day = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });
  const hour = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' });
  for (const time of body.querySelectorAll('time')) {
    const date = new Date(time.dateTime);
    time.title = time.dateTime;
    time.firstChild.data = day.format(date) + ' ';
    time.lastChild.textContent = hour.format(date);
  }
  document.querySelector('th small').remove();

  const collator = new Intl.Collator('en', { numeric: true });
  const facts = new Map(rows.map((row) => [row, {
    isDirectory: row.className === 'dir',
    name: row.cells[0].textContent,
    key: row.cells[0].textContent.normalize('NFC').toLowerCase(),
    values: [0, Number(row.cells[1].dataset.size), row.querySelector('time').dateTime],
  }]));

  const sort = (column, descending) => {
    const sign = descending ? -1 : 1;
    const compare = (a, b) => {
      if (a.isDirectory !== b.isDirectory) return a.isDirectory ? -1 : 1;
      const [x, y] = [a.values[column], b.values[column]];
      if (x !== y) return sign * (x < y ? -1 : 1);
      return (column === 0 ? sign : 1) * collator.compare(a.name, b.name);
    };
    body.append(...rows.sort((a, b) => compare(facts.get(a), facts.get(b))));
  };

  [...table.tHead.rows[0].cells].forEach((cell, column, cells) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = cell.textContent.trim();
    cell.replaceChildren(button);
    button.addEventListener('click', () => {
      const now = cell.getAttribute('aria-sort');
      // Names begin with A; sizes and dates with the largest and the latest, which is what one looks for.
      const descending = now === null ? column > 0 : now === 'ascending';
      for (const other of cells) other.removeAttribute('aria-sort');
      cell.setAttribute('aria-sort', descending ? 'descending' : 'ascending');
      sort(column, descending);
    });
  });

  const summary = status.textContent;
  const apply = () => {
    const terms = filter.value.normalize('NFC').toLowerCase().split(/\\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const { key } = facts.get(row);
      row.hidden = !terms.every((term) => key.includes(term));
      if (!row.hidden) shown++;
    }
    status.textContent = terms.length === 0 ? summary : shown.toLocaleString('en-US') + ' of ' + rows.length.toLocaleString('en-US') + ' shown';
    none.hidden = shown > 0;
  };
  filter.hidden = false;
  filter.addEventListener('input', apply);
  filter.addEventListener('keydown', (event) => {
    if (event.key === 'Enter') rows.find((row) => !row.hidden)?.querySelector('a').click();
    if (event.key === 'Escape') { filter.value = ''; apply(); }
  });
  document.addEventListener('keydown', (event) => {
    if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey || event.target === filter) return;
    event.preventDefault();
    filter.focus();
  });
  // The browser may bring a filter's text back with the page.
  if (filter.value !== '') apply();
})();
`;
