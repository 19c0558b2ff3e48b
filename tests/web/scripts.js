/** Event scripts of tests/fixtures: one JSON object per line; see `about` in the first line of each. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

/** @param {string} name without `.jsonl` @returns {object[]} */
export function script(name) {
  const text = readFileSync(new URL(`../fixtures/${name}.jsonl`, import.meta.url), "utf8");
  return text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
}

/** Claim that everything in `expected` is in `actual`; arrays agree in length and order. */
export function includes(actual, expected, where = "state") {
  if (expected === null || typeof expected !== "object") {
    assert.equal(actual, expected, where);
  } else if (Array.isArray(expected)) {
    assert.equal(actual?.length, expected.length, `${where}: length`);
    expected.forEach((value, index) => includes(actual[index], value, `${where}[${index}]`));
  } else {
    assert.ok(actual, `${where} is ${actual}`);
    for (const [key, value] of Object.entries(expected)) includes(actual[key], value, `${where}.${key}`);
  }
}
