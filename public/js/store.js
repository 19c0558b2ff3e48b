/**
 * One small state with subscribers. Patches made in the same task are told once, together.
 *
 * @template T
 * @typedef {{get: () => T, set: (patch: Partial<T>) => void, subscribe: (tell: (state: T, old: T) => void) => () => void}} Store
 */

/**
 * @template T
 * @param {T} initial
 * @returns {Store<T>}
 */
export function createStore(initial) {
  let state = initial;
  let told = initial;
  let waiting = false;
  const listeners = new Set();

  function tell() {
    waiting = false;
    const old = told;
    told = state;
    for (const listener of listeners) listener(told, old);
  }

  return {
    get: () => state,
    set(patch) {
      if (Object.entries(patch).every(([key, value]) => Object.is(state[key], value))) return;
      state = { ...state, ...patch };
      if (waiting) return;
      waiting = true;
      queueMicrotask(tell);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
