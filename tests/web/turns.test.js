import assert from "node:assert/strict";
import test from "node:test";

import { heardChars, heardMs, truncation } from "../../public/js/turns.js";
import { script } from "./scripts.js";

const cases = script("turns");

test("there are enough cases and each has its own name", () => {
  assert.ok(cases.length >= 20);
  assert.equal(new Set(cases.map((line) => line.case)).size, cases.length);
});

for (const line of cases) {
  test(`truncate: ${line.case}`, () => {
    assert.deepEqual(truncation(line.in), line.out);
  });
}

test("heard milliseconds stay within what was received, whatever comes in", () => {
  for (const played of [0, 1, 24, 1e9, -5]) {
    for (const latency of [0, 0.03, 5, -1, NaN, Infinity, undefined]) {
      const ms = heardMs(played, latency, 1000);
      assert.ok(Number.isInteger(ms) && ms >= 0 && ms <= 1000, `${played} ${latency} ${ms}`);
    }
  }
});

test("heard text ends at a word", () => {
  const text = "One two three four";
  assert.equal(heardChars(text, 0, 1000), 0);
  assert.equal(heardChars(text, 1000, 1000), text.length);
  assert.equal(heardChars(text, 5000, 1000), text.length);
  assert.equal(text.slice(0, heardChars(text, 500, 1000)), "One two");
  assert.equal(text.slice(0, heardChars(text, 999, 1000)), text);
  assert.equal(heardChars(text, 100, 1000), 0);
  assert.equal(heardChars(text, 100, 0), 0);
  assert.equal(heardChars("", 100, 1000), 0);
});

test("a script without spaces is cut anywhere", () => {
  assert.equal(heardChars("今日はいい天気", 500, 1000), 4);
});
