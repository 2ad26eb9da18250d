/**
 * Entry of a thread that cannot start.
 */
throw new Error('cannot start');
