import assert from "node:assert/strict";
import test from "node:test";

import * as protocol from "../../public/js/protocol.js";

test("an update carries only what was given, null included", () => {
  assert.deepEqual(protocol.sessionUpdate(protocol.sessionSettings({ voice: "echo" })), {
    type: "session.update",
    session: { type: "realtime", audio: { output: { voice: "echo" } } },
  });
  assert.deepEqual(protocol.sessionSettings({ turn_detection: null }), {
    audio: { input: { turn_detection: null } },
  });
  assert.deepEqual(protocol.sessionSettings({ turn_detection: { silence_duration_ms: 700 }, output: "text" }), {
    output_modalities: ["text"],
    audio: { input: { turn_detection: { type: "server_vad", silence_duration_ms: 700 } } },
  });
  assert.deepEqual(protocol.sessionSettings({ turn_detection: { type: "semantic_vad" }, instructions: "" }), {
    instructions: "",
    audio: { input: { turn_detection: { type: "semantic_vad" } } },
  });
  assert.deepEqual(protocol.sessionSettings(), {});
});

test("events have the fields of the API and no others", () => {
  assert.deepEqual(protocol.textMessage("hi").item.content, [{ type: "input_text", text: "hi" }]);
  assert.deepEqual(protocol.responseCreate(), { type: "response.create" });
  assert.deepEqual(protocol.responseCreate({ output_modalities: ["text"] }).response, { output_modalities: ["text"] });
  assert.deepEqual(protocol.cancel(), { type: "response.cancel" });
  assert.deepEqual(protocol.cancel("r"), { type: "response.cancel", response_id: "r" });
  assert.deepEqual(protocol.truncate("i", 5), {
    type: "conversation.item.truncate",
    item_id: "i",
    content_index: 0,
    audio_end_ms: 5,
  });
  assert.deepEqual(protocol.deleteItem("i"), { type: "conversation.item.delete", item_id: "i" });
  assert.deepEqual(protocol.retrieveItem("i"), { type: "conversation.item.retrieve", item_id: "i" });
  assert.deepEqual(protocol.callOutput("c", "{}").item, { type: "function_call_output", call_id: "c", output: "{}" });
  assert.deepEqual(protocol.appendAudio("AA=="), { type: "input_audio_buffer.append", audio: "AA==" });
  assert.equal(protocol.commitAudio().type, "input_audio_buffer.commit");
  assert.equal(protocol.clearAudio().type, "input_audio_buffer.clear");
});

test("beta names are known, others stay", () => {
  assert.equal(protocol.gaType("response.audio.delta"), "response.output_audio.delta");
  assert.equal(protocol.gaType("conversation.item.created"), "conversation.item.added");
  assert.equal(protocol.gaType("response.done"), "response.done");
});
