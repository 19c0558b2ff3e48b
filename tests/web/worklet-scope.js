/** The least of an AudioWorkletGlobalScope: load the real worklet files under Node. */

export const processors = {};

globalThis.AudioWorkletProcessor = class {
  port = { sent: [], onmessage: null, postMessage: (message) => this.port.sent.push(message) };
};
globalThis.registerProcessor = (name, processor) => (processors[name] = processor);
globalThis.sampleRate = 48000;
globalThis.currentTime = 0;
