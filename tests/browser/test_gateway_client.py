"""The gateway's client in a real page: microphone, worklets, loudspeaker, an interruption."""

from tests.browser.conftest import OpenPage

BEGIN = """async () => {
  const { createRealtimeConfig, GatewayClient, Microphone, Speaker } =
    await import("/gateway-client.js");
  const context = new AudioContext();
  const meter = new AnalyserNode(context, { fftSize: 2048 });
  const block = new Float32Array(2048);
  const heard = { finals: [], kinds: [], loud_blocks: 0, loud_after: 0, is_interrupted: false };
  setInterval(() => {
    meter.getFloatTimeDomainData(block);
    const is_loud = block.some((value) => Math.abs(value) > 0.001);
    if (is_loud) heard[heard.is_interrupted ? "loud_after" : "loud_blocks"] += 1;
  }, 20);
  const client = new GatewayClient("/realtime", createRealtimeConfig("engine"));
  for (const type of ["ready", "speech_started", "interrupted", "closed", "error"]) {
    client.addEventListener(type, () => heard.kinds.push(type));
  }
  client.addEventListener("interrupted", () => (heard.is_interrupted = true));
  client.addEventListener("response_started", () => (heard.is_interrupted = false));
  client.addEventListener("transcript", ({ detail }) => {
    if (detail.is_final) heard.finals.push(`[${detail.role}] ${detail.text}`);
  });
  const speaker = await Speaker.open(context, client, meter);
  client.connect();
  const microphone = await Microphone.open(context, client);
  Object.assign(window, { heard, client, microphone, speaker, context });
}"""


def test_a_spoken_question_is_answered_aloud_and_an_interruption_silences(
    open_parley: OpenPage,
) -> None:
    page = open_parley(1.0, "Tell me a story", 4.0, "What time is it?", 20.0)
    page.locator("body").click(position={"x": 5, "y": 5})  # who never clicked hears nothing
    page.evaluate(BEGIN)
    page.wait_for_function("() => heard.loud_blocks > 10")
    page.wait_for_function("() => heard.kinds.includes('interrupted')")
    page.wait_for_function("() => heard.finals.some((line) => /user.*what time is it/i.test(line))")
    finals = page.evaluate("() => heard.finals")
    # What the meter still held; the story would have gone on for seconds.
    assert page.evaluate("() => heard.loud_after") < 10
    assert finals[0].lower().startswith("[user] tell me a story")
    page.evaluate(
        "() => { client.close(); microphone.close(); speaker.close(); return context.close(); }"
    )
    assert page.evaluate("() => heard.kinds.at(-1)") == "closed"
    assert page.evaluate("() => heard.kinds.includes('error')") is False
