/** Objects of all sizes and statuses through the proxy and its caches, by many clients at once, some of them slow. */
import http from 'node:http';
import { expect } from 'chai';
import { getObject } from '../helpers/objects-crowd.js';
import { factsOf, type ObjectFacts, ObjectsOrigin } from '../helpers/objects-origin.js';
import { TestServer } from '../helpers/server.js';

const CLIENTS = 64;
const REQUESTS_EACH = 12;
const OBJECTS = 40;

describe('a proxy under mixed load', () => {
  let origin: ObjectsOrigin;
  let server: TestServer;
  let agent: http.Agent;

  before(async () => {
    origin = await ObjectsOrigin.start();
    server = await TestServer.start({ settings: { PROXY: `/objects ${origin.url}` } });
    agent = new http.Agent({ keepAlive: true, maxSockets: CLIENTS });
  });
  after(async () => {
    agent.destroy();
    await server.stop();
    await origin.stop();
  });

  function get(number: number, isSlow: boolean): Promise<ObjectFacts> {
    return getObject(`http://127.0.0.1:${server.port}/objects/${number}`, { agent, isSlow });
  }

  it('gives every client every byte, and counts every answer', async () => {
    let done = 0;
    const client = async (n: number): Promise<void> => {
      for (let i = 0; i < REQUESTS_EACH; i++) {
        // Each in an order of its own; the largest only by some.
        const number = 1 + ((n * 7 + i * 11) % (OBJECTS - 1));
        expect(await get(number, n % 8 === 0), `object ${number}`).to.deep.equal(factsOf(number));
        done++;
      }
      if (n % 16 !== 0) return;
      expect(await get(0, n === 0), 'the largest').to.deep.equal(factsOf(0));
      done++;
    };
    await Promise.all(Array.from({ length: CLIENTS }, (_, n) => client(n)));
    agent.destroy();
    const { requests } = await server.settled();
    expect(requests.total).to.equal(done);
    expect(requests.aborts).to.equal(0);
  });
});
