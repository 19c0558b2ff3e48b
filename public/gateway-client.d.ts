/** Types of gateway-client.js. */

export type Provider = "openai" | "azure" | "engine";

export interface RealtimeTool {
  type: "function";
  name: string;
  description?: string;
  /** JSON Schema of the arguments. */
  parameters?: object;
}

/** The `config` message without its type. */
export interface RealtimeSessionConfig {
  provider: Provider | (string & {});
  model: string;
  voice: string;
  instructions: string;
  turn_detection: "server_vad" | "semantic_vad" | "none";
  vad: {
    enabled: boolean;
    /** From 0 to 1. */
    threshold: number;
    silence_duration_ms: number;
    prefix_padding_ms: number;
    /** With "semantic_vad". */
    eagerness?: "low" | "medium" | "high" | "auto";
  };
  input_transcription: { enabled: boolean; model: string };
  temperature: number;
  max_response_tokens: number | "inf";
  tools?: RealtimeTool[];
  tool_choice?: "auto" | "none" | "required";
}

type Overrides = Partial<Omit<RealtimeSessionConfig, "provider" | "vad" | "input_transcription">> & {
  vad?: Partial<RealtimeSessionConfig["vad"]>;
  input_transcription?: Partial<RealtimeSessionConfig["input_transcription"]>;
};

export function createRealtimeConfig(provider: RealtimeSessionConfig["provider"], overrides?: Overrides): RealtimeSessionConfig;

/** Milliseconds before attempt 1, 2, …; `random` gives 0 up to 1. */
export function retryDelay(attempt: number, random?: () => number): number;

/** The `detail` of each event. */
export interface GatewayEvents {
  ready: { type: "ready"; session_id: string; version: string };
  session_updated: {
    type: "session_updated";
    session_id: string;
    provider: string;
    model: string;
    voice: string;
    turn_detection: string;
    transcription: boolean;
  };
  transcript: { type: "transcript"; role: "user" | "assistant"; text: string; is_final: boolean; item_id: string };
  /** PCM16, mono, 24 kHz. */
  audio: ArrayBuffer;
  speech_started: { type: "speech_started"; audio_ms: number; item_id: string };
  speech_stopped: { type: "speech_stopped"; audio_ms: number; item_id: string };
  response_started: { type: "response_started"; response_id: string };
  response_done: {
    type: "response_done";
    response_id: string;
    status: "completed" | "cancelled" | "incomplete" | "failed";
    usage: { input_tokens: number; output_tokens: number; total_tokens: number } | null;
  };
  interrupted: { type: "interrupted"; response_id: string; item_id: string; audio_ms: number; heard_ms: number };
  /** `arguments` is JSON; answer with functionResult(). */
  function_call: { type: "function_call"; call_id: string; name: string; arguments: string };
  notice: { type: "notice"; level: "info" | "warning"; code: string; message: string };
  error: {
    type: "error";
    code: string;
    message: string;
    reason: string;
    param: string | null;
    retry_after_ms: number | null;
    fatal: boolean;
  };
  reconnecting: { attempt: number; delay_ms: number };
  closed: { code: number; reason: string };
}

export interface GatewayOptions {
  /** The server's ACCESS_TOKEN, for pages that did not log in; of letters, digits, - and _. */
  token?: string;
  WebSocket?: typeof WebSocket;
  random?: () => number;
  /** Milliseconds. */
  now?: () => number;
  setTimeout?: (call: () => void, ms: number) => unknown;
  clearTimeout?: (timer: any) => void;
}

export class GatewayClient extends EventTarget {
  constructor(url: string | URL, config: RealtimeSessionConfig, options?: GatewayOptions);
  readonly isOpen: boolean;
  connect(): void;
  close(): void;
  configure(config: RealtimeSessionConfig): void;
  sendAudio(pcm: ArrayBuffer | Int16Array): boolean;
  sendText(text: string): boolean;
  functionResult(call_id: string, result: unknown): boolean;
  commitAudio(): boolean;
  clearAudio(): boolean;
  createResponse(): boolean;
  cancelResponse(): boolean;
  addEventListener<K extends keyof GatewayEvents>(
    type: K,
    listener: (event: CustomEvent<GatewayEvents[K]>) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
}

export class Speaker {
  static open(context: AudioContext, client: GatewayClient, output?: AudioNode): Promise<Speaker>;
  constructor(port: Pick<MessagePort, "postMessage">, client: EventTarget);
  play(pcm: ArrayBuffer): void;
  finish(): void;
  stop(): void;
  close(): void;
}

export class Microphone {
  static open(context: AudioContext, client: GatewayClient, constraints?: MediaTrackConstraints): Promise<Microphone>;
  constructor(context: AudioContext, client: GatewayClient, stream: MediaStream);
  mute(is_muted: boolean): void;
  close(): void;
}
