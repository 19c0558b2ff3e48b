import assert from "node:assert/strict";
import { test } from "node:test";

import { introduction } from "../../public/js/ui/welcome.js";

const engine = (models) => introduction({ upstream: { kind: "engine" }, engine: { models } });

test("the engine alone says what it can do", () => {
  const { model, lead } = engine({});
  assert.equal(model, "Built-in engine");
  assert.match(lead, /a few dozen phrases/);
});

test("models of one's own are named, and nothing is said of phrases or of this machine", () => {
  const { model, lead } = engine({ ears: "whisper", brain: "llama", voice: "kokoro" });
  assert.equal(model, "llama");
  assert.match(lead, /hears with whisper, thinks with llama, speaks with kokoro/);
  assert.doesNotMatch(lead, /phrases|this machine/);
  assert.equal(engine({ voice: "kokoro" }).model, "Built-in engine");
});

test("another upstream is named as it is", () => {
  const config = { upstream: { kind: "azure", label: "Azure", model: "voice" } };
  assert.deepEqual([introduction(config).model, introduction(config).where], ["voice", "Azure"]);
});
