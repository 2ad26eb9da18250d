/** The sum of many numbers: exact while they are integers, and with the error of about one rounding where they are not. */

/** See the file's header. */
export class Total {
  #large = 0n;
  /** Integers that are not in `#large` yet: adding to a BigInt for each number would take several times as long. */
  #small = 0;
  #fraction = 0;
  /** What rounding took from `#fraction`: Neumaier, "Rundungsfehleranalyse einiger Verfahren …", ZAMM 54, 1974. */
  #lost = 0;
  #isWhole = true;

  add(value: number | bigint): void {
    if (typeof value === 'bigint') this.#large += value;
    else if (Number.isSafeInteger(value)) this.#addSmall(value);
    else this.#addFraction(value);
  }

  /** An integer, exact, as long as only integers were added. */
  get value(): number | bigint {
    const whole = this.#large + BigInt(this.#small);
    return this.#isWhole ? whole : Number(whole) + this.#fraction + this.#lost;
  }

  #addSmall(value: number): void {
    const sum = this.#small + value;
    if (Number.isSafeInteger(sum)) this.#small = sum;
    else {
      this.#large += BigInt(this.#small);
      this.#small = value;
    }
  }

  #addFraction(value: number): void {
    const sum = this.#fraction + value;
    const isSmaller = Math.abs(value) < Math.abs(this.#fraction);
    this.#lost += isSmaller ? this.#fraction - sum + value : value - sum + this.#fraction;
    this.#fraction = sum;
    this.#isWhole = false;
  }
}
