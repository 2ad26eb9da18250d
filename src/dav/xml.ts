/**
 * XML as WebDAV has it (RFC 4918 section 8.2): small documents with namespaces, read whole. There is no DTD, so there are
 * no entities but the five of XML. What somebody else's element holds is kept, and written again so that it stands
 * for itself anywhere.
 */
import { SaxesParser, type SaxesTagNS } from 'saxes';

/** The namespace of WebDAV's own elements. */
export const DAV = 'DAV:';

export interface XmlElement {
  /** Namespace; `''`: none. */
  readonly ns: string;
  /** Without prefix. */
  readonly name: string;
  /** The prefix that it had; `''`: none. */
  readonly prefix: string;
  /** Without `xml:lang` and declarations. */
  readonly attributes: readonly XmlAttribute[];
  readonly children: readonly (XmlElement | string)[];
  /** `xml:lang` that applies to it; `''`: none. */
  readonly lang: string;
}

export interface XmlAttribute {
  readonly ns: string;
  readonly name: string;
  readonly prefix: string;
  readonly value: string;
}

/** A body that is no XML, or none that is read here. */
export class XmlError extends Error {
  override readonly name = 'XmlError';
}

const XML_NS = 'http://www.w3.org/XML/1998/namespace';
const XMLNS_NS = 'http://www.w3.org/2000/xmlns/';
/** Elements in each other. What recurses over a document must not run out of stack. */
const MAX_DEPTH = 64;

interface Open extends XmlElement {
  readonly children: (XmlElement | string)[];
}

/** Reads a document. @throws XmlError */
export function parseXml(bytes: Uint8Array): XmlElement {
  const parser = new SaxesParser({ xmlns: true, position: false });
  const open: Open[] = [];
  let root: XmlElement | undefined;
  const refuse = (message: string): never => {
    throw new XmlError(message);
  };
  const text = (value: string): void => {
    open.at(-1)?.children.push(value);
  };
  parser.on('error', (error) => refuse(`the body is no XML: ${error.message}`));
  parser.on('doctype', () => refuse('a document type is not read'));
  parser.on('text', text);
  parser.on('cdata', text);
  parser.on('opentag', (tag) => {
    if (open.length >= MAX_DEPTH) refuse(`more than ${MAX_DEPTH} elements in each other`);
    const element = elementOf(tag, open.at(-1)?.lang ?? '');
    if (open.length > 0) open.at(-1)!.children.push(element);
    else root = element;
    open.push(element);
  });
  parser.on('closetag', () => {
    open.pop();
  });
  parser.write(decode(bytes)).close();
  return root ?? refuse('the body is no XML: it has no element');
}

/** The elements in an element; `name` picks those of WebDAV that are called so. */
export function elementsIn(element: XmlElement, name?: string): XmlElement[] {
  return element.children.filter(
    (child): child is XmlElement =>
      typeof child !== 'string' && (name === undefined || (child.ns === DAV && child.name === name)),
  );
}

/** The first of `elementsIn`. */
export function elementIn(element: XmlElement, name: string): XmlElement | undefined {
  return elementsIn(element, name)[0];
}

/** All text in an element and below. */
export function textOf(element: XmlElement): string {
  return element.children.map((child) => (typeof child === 'string' ? child : textOf(child))).join('');
}

/**
 * An element with all that its names need, to stand in any document.
 *
 * @param around the language that applies where it will stand
 */
export function standalone(element: XmlElement, around = ''): string {
  const { ns, name, prefix, attributes, children, lang } = element;
  const declared = new Map<string, string>([[prefix, ns]]);
  let own = '';
  for (const attribute of attributes) {
    if (attribute.prefix !== '' && attribute.ns !== XML_NS) declared.set(attribute.prefix, attribute.ns);
    own += ` ${qualified(attribute.prefix, attribute.name)}="${escapeXml(attribute.value)}"`;
  }
  if (lang !== around) own += ` xml:lang="${escapeXml(lang)}"`;
  let spaces = '';
  for (const [of, uri] of declared) {
    if (of === 'xml') continue;
    // XML 1.0 can only take the default namespace back.
    spaces += of === '' ? ` xmlns="${escapeXml(uri)}"` : ` xmlns:${of}="${escapeXml(uri)}"`;
  }
  const tag = qualified(prefix, name);
  const content = children.map((child) =>
    typeof child === 'string' ? escapeXml(child) : standalone(child, lang),
  );
  if (content.length === 0) return `<${tag}${spaces}${own}/>`;
  return `<${tag}${spaces}${own}>${content.join('')}</${tag}>`;
}

/** What stands between the tags of an element, to stand in any document. */
export function contentOf(element: XmlElement): string {
  return element.children
    .map((child) => (typeof child === 'string' ? escapeXml(child) : standalone(child)))
    .join('');
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\r': '&#13;',
};

/** Text made safe for content and attributes. What XML cannot say at all (section 2.2 there) becomes U+FFFD. */
export function escapeXml(text: string): string {
  return text
    .replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]/gu, '\ufffd')
    .replace(/[&<>"\r]/g, (char) => ESCAPES[char]!);
}

function qualified(prefix: string, name: string): string {
  return prefix === '' ? name : `${prefix}:${name}`;
}

function elementOf(tag: SaxesTagNS, inherited: string): Open {
  const attributes: XmlAttribute[] = [];
  let lang = inherited;
  for (const { uri, local, prefix, value } of Object.values(tag.attributes)) {
    if (uri === XMLNS_NS) continue;
    if (uri === XML_NS && local === 'lang') lang = value;
    else attributes.push({ ns: uri, name: local, prefix, value });
  }
  return { ns: tag.uri, name: tag.local, prefix: tag.prefix, attributes, children: [], lang };
}

/** UTF-8, or UTF-16 as its first bytes say: what every reader of XML must know. */
function decode(bytes: Uint8Array): string {
  const [first, second] = bytes;
  const isUtf16 = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
  const encoding = !isUtf16 ? 'utf-8' : first === 0xff ? 'utf-16le' : 'utf-16be';
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    throw new XmlError('the body is no XML: its bytes are neither UTF-8 nor UTF-16');
  }
}
