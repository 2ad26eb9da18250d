import { expect } from 'chai';
import { RequestParser } from '../../../src/getfile/request-parser.js';
import { fromSite } from '../../../src/getfile/site.js';
import { requestFor } from '../../../src/getfile/wire.js';
import { errorReply, textReply } from '../../../src/http/error-reply.js';
import type { Reply } from '../../../src/http/reply.js';
import type { RequestHead } from '../../../src/http/request-head.js';

function headOf(path: string): RequestHead {
  const request = requestFor(path);
  const parser = new RequestParser(1000);
  parser.feed(request, request.length);
  return parser.head;
}

function redirect(to: string): Reply {
  return errorReply(301, '', { fields: `Location: ${to}\r\n` });
}

describe('getfile/site', () => {
  it('passes on what is at hand', () => {
    const reply = textReply(200, 'text/plain', 'abc');
    expect(fromSite(headOf('/a'), () => reply)).to.equal(reply);
  });

  it('follows redirects to what is there', async () => {
    const asked: string[] = [];
    const reply = await fromSite(headOf('/a'), async (head) => {
      asked.push(head.path);
      if (head.path === '/a') return redirect('/a/');
      return head.path === '/a/' ? redirect('/b%20c') : textReply(200, 'text/plain', 'abc');
    });
    expect(reply.status).to.equal(200);
    expect(asked).to.deep.equal(['/a', '/a/', '/b%20c']);
  });

  it('follows no circle', async () => {
    let asked = 0;
    const reply = await fromSite(headOf('/a'), async () => {
      asked++;
      return redirect('/a');
    });
    expect([reply.status, asked]).to.deep.equal([301, 4]);
  });
});
