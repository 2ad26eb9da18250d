/**
 * A set of objects each of which is told where it stands, so that taking one out looks nothing up.
 *
 * A `Set` would leave something behind: V8 chains each hash table of a set to the one it grows or shrinks
 * into, and once one of them has grown old, all that follow stay until the next full collection, with
 * every connection that was in them.
 */
export class Bag<Member> {
  readonly #members: Member[] = [];
  readonly #tell: (member: Member, place: number) => void;

  /** @param tell called when a member gets a place, or another one */
  constructor(tell: (member: Member, place: number) => void) {
    this.#tell = tell;
  }

  get size(): number {
    return this.#members.length;
  }

  add(member: Member): void {
    this.#tell(member, this.#members.length);
    this.#members.push(member);
  }

  /** Takes out the member that was told this place. */
  remove(place: number): void {
    const last = this.#members.pop()!;
    if (place === this.#members.length) return;
    this.#members[place] = last;
    this.#tell(last, place);
  }

  /** The members; none may come or go meanwhile. */
  [Symbol.iterator](): IterableIterator<Member> {
    return this.#members.values();
  }

  /** The members, which are all taken out. */
  take(): Member[] {
    return this.#members.splice(0);
  }
}
