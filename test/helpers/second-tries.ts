/** Names the tests that passed only at their second try, so that a race is seen although the run goes on. */

let failed = '';

export const mochaHooks = {
  afterEach(this: Mocha.Context): void {
    const { currentTest: test } = this;
    const title = test?.fullTitle() ?? '';
    if (test?.isPassed() && title === failed) console.log(`passed only at the second try: ${title}`);
    failed = test?.isPassed() ? '' : title;
  },
};
