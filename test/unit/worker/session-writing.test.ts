import { expect } from 'chai';
import { textReply } from '../../../src/http/error-reply.js';
import type { FileBody, Reply } from '../../../src/http/reply.js';
import { FakeFile } from '../../helpers/fake-connection.js';
import { Later } from '../../helpers/later.js';
import { get, LIMITS, SessionBench, settled } from '../../helpers/session-bench.js';

const { writeMs, keepAliveMs } = LIMITS;

function fromDisk(file: FakeFile, length = 1000): Reply {
  const body: FileBody = { file, parts: [{ offset: 0, length }] };
  return {
    status: 200,
    fields: `Content-Type: text/plain\r\nContent-Length: ${length}\r\n`,
    body,
    cache: 'MISS',
    close: false,
  };
}

describe('worker/session: writing', () => {
  let bench: SessionBench;

  beforeEach(() => {
    bench = new SessionBench();
  });

  describe('a client that does not read', () => {
    it('is cut off after the write timeout', async () => {
      bench.connection.receive(get('/'));
      await bench.passTo(
        writeMs,
        () => expect(bench.connection.destroyed).to.equal(false),
        () => expect(bench.connection.destroyed).to.equal(true),
      );
      expect([bench.count('timeouts'), bench.count('aborts'), bench.gone]).to.deep.equal([1, 1, 1]);
    });

    it('is let be while it takes something now and then', async () => {
      bench.answers.set('/', textReply(200, 'text/plain', 'x'.repeat(1000)));
      bench.connection.receive(get('/'));
      for (let i = 0; i < 20; i++) {
        await bench.pass(writeMs - 1000);
        bench.connection.flush(1);
      }
      expect(bench.connection.destroyed).to.equal(false);
      await bench.pass(2 * writeMs);
      expect(bench.connection.destroyed).to.equal(true);
    });

    it('gains nothing by asking on', async () => {
      for (let i = 0; i < 200 && !bench.connection.destroyed; i++) {
        bench.connection.receive(get('/'));
        await bench.pass(1000);
      }
      expect(bench.connection.destroyed).to.equal(true);
      expect(bench.count('requests')).to.be.below(writeMs / 1000 + 5);
    });

    it('is cut off too when the last response was to end the connection', async () => {
      bench.connection.receive(get('/', 'Connection: close\r\n'));
      await bench.pass(writeMs - 1000);
      expect(bench.connection.destroyed).to.equal(false);
      await bench.pass(2000);
      expect(bench.connection.destroyed).to.equal(true);
    });

    it('has the keep-alive timeout once it has read', async () => {
      bench.connection.receive(get('/'));
      await bench.pass(writeMs - 1000);
      bench.connection.flush();
      await bench.pass(keepAliveMs - 1000);
      expect(bench.connection.ended).to.equal(false);
      await bench.pass(2000);
      expect(bench.connection.ended).to.equal(true);
    });
  });

  it('finishes what has left, also when the client always leaves something behind', () => {
    for (let i = 0; i < 1000; i++) {
      bench.connection.receive(get('/'));
      if (i > 0) bench.connection.flush(bench.connection.unsentBytes - 10);
    }
    expect(bench.count('requests') - bench.finished).to.be.below(100);
    bench.connection.flush();
    expect(bench.finished).to.equal(1000);
  });

  describe('from disk', () => {
    let file: FakeFile;

    beforeEach(() => {
      file = new FakeFile();
      bench.answers.set('/file', fromDisk(file));
    });

    it('sends the head, then the slices, then what comes next', async () => {
      bench.connection.receive(get('/file') + get('/2'));
      expect(bench.connection.sending!.parts).to.deep.equal([{ offset: 0, length: 1000 }]);
      expect(bench.count('requests')).to.equal(1);
      bench.connection.sending!.progress(1000);
      bench.connection.sending!.end('sent');
      await settled();
      expect(bench.count('requests')).to.equal(2);
      expect(bench.connection.written.toString('latin1')).to.match(/\r\n\r\nHTTP\/1\.1 200 OK\r\n.*\/2$/s);
    });

    it('ends the connection behind it when that was asked for', async () => {
      bench.connection.receive(get('/file', 'Connection: close\r\n'));
      expect(bench.connection.ended).to.equal(false);
      bench.connection.sending!.end('sent');
      await settled();
      expect(bench.connection.ended).to.equal(true);
      expect(bench.connection.destroyed).to.equal(false);
    });

    it('cuts the connection when the file has changed, and reports it', async () => {
      bench.connection.receive(get('/file'));
      bench.connection.sending!.end('changed');
      await settled();
      expect(bench.connection.destroyed).to.equal(true);
      expect(bench.reports.join()).to.include('changed');
      expect(bench.gone).to.equal(1);
    });

    it('cuts the connection when the disk fails, and reports it', async () => {
      bench.connection.receive(get('/file'));
      bench.connection.sending!.fail(new Error('EIO'));
      await settled();
      expect(bench.connection.destroyed).to.equal(true);
      expect(bench.reports.join()).to.include('EIO');
    });

    it('cuts off a client that takes nothing of it', async () => {
      bench.connection.receive(get('/file'));
      bench.connection.flush();
      await bench.pass(writeMs - 1000);
      bench.connection.sending!.progress(100);
      await bench.pass(writeMs - 1000);
      expect(bench.connection.destroyed).to.equal(false);
      await bench.pass(writeMs + 2000);
      expect(bench.connection.destroyed).to.equal(true);
      expect(bench.count('timeouts')).to.equal(1);
    });

    it('keeps what the client sends meanwhile', async () => {
      bench.connection.receive(get('/file'));
      bench.connection.receive(get('/2').slice(0, 10));
      bench.connection.receive(get('/2').slice(10));
      expect(bench.count('requests')).to.equal(1);
      bench.connection.sending!.end('sent');
      await settled();
      expect(bench.count('requests')).to.equal(2);
    });
  });

  describe('a client that leaves', () => {
    it('while it is being answered leaves no file open', async () => {
      const file = new FakeFile();
      const answer = new Later<Reply>();
      bench.answers.set('/file', answer.promise);
      bench.connection.receive(get('/file'));
      bench.connection.destroy();
      await settled();
      answer.resolve(fromDisk(file));
      await settled();
      expect(file.closed).to.equal(1);
      expect(bench.connection.sending).to.equal(undefined);
      expect([bench.count('requests'), bench.count('status2xx'), bench.count('aborts')]).to.deep.equal([
        0, 0, 1,
      ]);
    });

    it('while a file is sent is counted once', async () => {
      bench.answers.set('/file', fromDisk(new FakeFile()));
      bench.connection.receive(get('/file'));
      bench.connection.destroy();
      await settled();
      expect([bench.count('requests'), bench.count('aborts'), bench.finished, bench.gone]).to.deep.equal([
        1, 1, 1, 1,
      ]);
    });

    it('with many responses on their way is one connection', async () => {
      bench.connection.receive(get('/').repeat(10));
      bench.connection.destroy();
      await settled();
      expect([bench.count('requests'), bench.count('aborts'), bench.finished]).to.deep.equal([10, 1, 10]);
    });

    it('between requests is nothing to speak of', async () => {
      bench.exchange(get('/'));
      bench.connection.destroy();
      await settled();
      expect([bench.count('aborts'), bench.gone]).to.deep.equal([0, 1]);
    });

    it('hears nothing more, whatever time goes by', async () => {
      bench.connection.receive('GET /half');
      bench.connection.destroy();
      await settled();
      await bench.pass(3_600_000);
      expect(bench.connection.written.length).to.equal(0);
      expect([bench.count('timeouts'), bench.gone]).to.deep.equal([0, 1]);
    });
  });
});
