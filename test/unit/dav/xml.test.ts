import { expect } from 'chai';
import fc from 'fast-check';
import {
  contentOf,
  elementIn,
  elementsIn,
  escapeXml,
  parseXml,
  standalone,
  textOf,
  XmlError,
} from '../../../src/dav/xml.js';

function parse(text: string) {
  return parseXml(Buffer.from(text));
}

describe('XML of WebDAV', () => {
  it('reads names with their namespaces, whatever the prefixes', () => {
    const root = parse(
      '<?xml version="1.0"?><a:propfind xmlns:a="DAV:"><prop xmlns="DAV:"><x xmlns=""/></prop></a:propfind>',
    );
    expect([root.ns, root.name]).to.deep.equal(['DAV:', 'propfind']);
    const prop = elementIn(root, 'prop')!;
    expect(elementsIn(prop).map(({ ns, name }) => [ns, name])).to.deep.equal([['', 'x']]);
  });

  it('reads text, CDATA and references', () => {
    expect(textOf(parse('<a>1 &lt; 2<b><![CDATA[ & ]]></b>&#x20AC;</a>'))).to.equal('1 < 2 & €');
  });

  it('reads UTF-16 with its mark', () => {
    expect(textOf(parseXml(Buffer.from('\ufeff<a>ü</a>', 'utf16le')))).to.equal('ü');
  });

  for (const [what, text] of [
    ['nothing', ''],
    ['no XML', 'hello'],
    ['an element that is not closed', '<a><b></a>'],
    ['a prefix that is not declared', '<D:a/>'],
    ['a document type', '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'],
    ['an entity', '<a>&b;</a>'],
    ['two roots', '<a/><b/>'],
    ['too many elements in each other', `${'<a>'.repeat(65)}${'</a>'.repeat(65)}`],
  ] as const) {
    it(`refuses ${what}`, () => {
      expect(() => parse(text)).to.throw(XmlError);
    });
  }

  it('refuses bytes that are no text', () => {
    expect(() => parseXml(Buffer.from([0x3c, 0x61, 0x3e, 0xff, 0x3c, 0x2f, 0x61, 0x3e]))).to.throw(
      XmlError,
      'UTF-8',
    );
  });

  it('writes an element so that it means the same elsewhere', () => {
    const root = parse(
      '<r xmlns="urn:r" xmlns:p="urn:p" xml:lang="de"><p:a q="1" p:z="&quot;&lt;"><b/>x &amp; y</p:a></r>',
    );
    const text = standalone(elementsIn(root)[0]!);
    const again = parse(text);
    expect(again).to.deep.equal(elementsIn(root)[0]);
    expect(standalone(again)).to.equal(text);
  });

  it('writes what is in an element for itself', () => {
    const root = parse('<D:owner xmlns:D="DAV:">me <D:href>http://a/</D:href></D:owner>');
    expect(contentOf(root)).to.equal('me <D:href xmlns:D="DAV:">http://a/</D:href>');
  });

  it('any text survives', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(textOf(parse(`<a>${escapeXml(text)}</a>`))).to.equal(
          text.replace(/[\x00-\x08\x0b\x0c\x0e-\x1f]/g, '\ufffd'),
        );
      }),
    );
  });
});
