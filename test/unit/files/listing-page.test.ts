import { expect } from 'chai';
import fc from 'fast-check';
import type { Listing, ListingEntry } from '../../../src/files/listing.js';
import { displayName, humanSize, renderListing } from '../../../src/files/listing-page.js';
import { escapeHtml } from '../../../src/http/html.js';

const TIME = '2026-03-04T05:06:07.890Z';
const entry = (name: string, overrides: Partial<ListingEntry> = {}): ListingEntry => ({
  name,
  type: 'file',
  sizeBytes: 1_234_567,
  modified: TIME,
  ...overrides,
});
const page = (entries: readonly ListingEntry[], overrides: Partial<Listing> = {}) =>
  renderListing({ path: '/docs/', entries, truncated: false, ...overrides });

/** The row of the only entry. */
function rowOf(name: string, overrides: Partial<ListingEntry> = {}): string {
  return /<tbody id="entries">\n(.*)\n<\/tbody>/s.exec(page([entry(name, overrides)]))![1]!;
}

describe('files/listing-page', () => {
  it('shows an entry with its exact size and time', () => {
    const row = rowOf('a.txt');
    expect(row).to.include('<td data-size="1234567" title="1,234,567 bytes">1.2 MB</td>');
    expect(row).to.include(`<time datetime="${TIME}">2026-03-04 <span>05:06</span></time>`);
    expect(row).to.include('<a href="./a.txt"><bdi>a.txt</bdi></a>');
  });

  it('marks directories, and links to them with their slash', () => {
    const row = rowOf('sub', { type: 'directory', sizeBytes: null });
    expect(row).to.match(/^<tr class="dir">/);
    expect(row).to.include('<a href="./sub/"><bdi>sub</bdi>/</a>');
  });

  it('links to names that a URL would read otherwise', () => {
    const href = (name: string) => /href="([^"]*)"/.exec(rowOf(name))![1];
    expect(href('javascript:alert(1)')).to.equal('./javascript:alert(1)');
    expect(href('a?b#c%d')).to.equal('./a%3Fb%23c%25d');
    expect(href('a&b')).to.equal('./a&amp;b');
    expect(href('"><script>')).to.equal('./%22%3E%3Cscript%3E');
    expect(href('é\n')).to.equal('./%C3%A9%0A');
  });

  it('resolves each link to the name it stands for', () => {
    const name = fc
      .string({ unit: 'grapheme', minLength: 1 })
      .filter((text) => !/^\.{1,2}$|[/\\\0]/.test(text));
    fc.assert(
      fc.property(name, (text) => {
        const href = /href="([^"]*)"/
          .exec(rowOf(text))![1]!
          .replaceAll('&amp;', '&')
          .replaceAll('&#39;', "'");
        const url = new URL(href, 'http://host/docs/');
        expect(url.origin + decodeURIComponent(url.pathname)).to.equal(`http://host/docs/${text}`);
        expect(url.search + url.hash).to.equal('');
      }),
    );
  });

  it('lets no name become markup', () => {
    expect(escapeHtml(`<a href="x" b='y'>&`)).to.equal('&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;');
    const hostile = `<img src=x onerror=alert(1)>"'<script><!--&lt;`;
    const html = page([entry(hostile)], { path: `/${hostile}/` });
    const plain = page([entry('x')], { path: '/x/' });
    const tags = (text: string) =>
      text.replaceAll(/<style>.*?<\/style>|<script>.*?<\/script>/gs, '').match(/<\/?[a-z!]+/g);
    expect(tags(html)).to.deep.equal(tags(plain));
  });

  it('shows what would be unseen, or would turn the text around', () => {
    expect(displayName('a\nb')).to.equal('<bdi>a<span class="code" title="U+000A">000A</span>b</bdi>');
    expect(displayName('photo\u202egnp.exe')).to.include('title="U+202E">202E<');
    expect(displayName('x\u200by\ufeff\u2066')).to.match(/200B.*FEFF.*2066/);
    // Emoji are joined by a character that is unseen too, but belongs there.
    expect(displayName('👩\u200d💻')).to.equal('<bdi>👩\u200d💻</bdi>');
    expect(page([], { path: '/a\u202eb/' })).to.include('<title>Index of /a\ufffdb/</title>');
  });

  it('links back along the path, relatively', () => {
    const html = page([], { path: '/a/b c/d/' });
    expect(html).to.include('<a href="../../../">Home</a>');
    expect(html).to.include('<a href="../../"><bdi>a</bdi></a>');
    expect(html).to.include('<a href="../"><bdi>b c</bdi></a>');
    expect(html).to.include('<span aria-current="page"><bdi>d</bdi></span>');
    expect(html).to.include('<a href="../">Parent directory</a>');
    const root = page([], { path: '/' });
    expect(root).to.include('<span aria-current="page">Home</span>');
    expect(root).not.to.include('Parent directory');
  });

  it('sums up, and says when it is empty or cut', () => {
    const html = page([
      entry('d', { type: 'directory', sizeBytes: null }),
      entry('a', { sizeBytes: 600 }),
      entry('b', { sizeBytes: 700 }),
    ]);
    expect(html).to.include('>1 folder · 2 files · 1.3 kB<');
    expect(html).to.include('<p class="none" hidden>');
    expect(html).not.to.include('class="note"');
    expect(page([])).to.include('This directory is empty.');
    expect(page([entry('a')], { truncated: true })).to.include('class="note"');
  });

  it('asks for nothing from anywhere', () => {
    const html = page([entry('a')]);
    expect(html).to.include(`content="default-src 'none'; img-src data:; style-src 'sha256-`);
    expect(html.match(/(?:src|href)="(?!\.|data:)[^"]*"/g)).to.equal(null);
    expect(html.match(/url\((?!"data:)/g)).to.equal(null);
  });

  it('prints sizes in at most four characters and a unit', () => {
    const sizes: readonly [number, string][] = [
      [0, '0 B'],
      [999, '999 B'],
      [1000, '1.0 kB'],
      [9_949, '9.9 kB'],
      [9_950, '10 kB'],
      [999_499, '999 kB'],
      [999_500, '1.0 MB'],
      [4_000_000_000, '4.0 GB'],
      [1e15, '1.0 PB'],
      [9e18, '9000 PB'],
    ];
    for (const [bytes, text] of sizes) expect(humanSize(bytes), String(bytes)).to.equal(text);
  });
});
