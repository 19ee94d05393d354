// The counter's camera: reads a booklet's QR code and posts it, as if it had been typed.
// Codes are checked for form and typing errors here, before any call to the server.

import { CodeError, fromScan, parseTyped } from "./codes.js";

const PATIENCE = 4000; // ms without a read before we say what to do
const PAUSE = 120; // ms between two looks at the picture
const LARGEST = 960; // px of the longer side of what is looked at

const form = document.getElementById("scanner");
const field = document.getElementById("code");

function setUp() {
  const start = document.getElementById("scan");
  const stop = document.getElementById("scan-stop");
  const scanner = new Scanner(form, { start, stop });
  start.hidden = false;
  start.addEventListener("click", () => scanner.start());
  stop.addEventListener("click", () => scanner.stop(form.dataset.stopped));
  document.addEventListener("visibilitychange", () => document.hidden && scanner.stop(form.dataset.stopped));
  addEventListener("pagehide", () => scanner.stop(""));
  form.addEventListener("submit", refuseSlips);
  field.addEventListener("input", () => wrong(""));
  startWhereAllowed(scanner);
}

// After "next person" the camera starts by itself where it was allowed before: one tap less.
async function startWhereAllowed(scanner) {
  if (location.hash !== "#scanner" || !navigator.permissions) return;
  const permission = await navigator.permissions.query({ name: "camera" }).catch(() => null);
  if (permission?.state === "granted") scanner.start();
}

// Keeps a mistyped code from being sent.
function refuseSlips(event) {
  const text = field.value.trim();
  try {
    if (!isScanned(text)) parseTyped(text);
  } catch (error) {
    if (!(error instanceof CodeError)) throw error;
    event.preventDefault();
    wrong(error.reason === "length" ? form.dataset.length : form.dataset.wrong);
    field.focus();
  }
}

function isScanned(text) {
  try {
    fromScan(text);
    return true;
  } catch {
    return false;
  }
}

function wrong(sentence) {
  const line = document.getElementById("code-error");
  line.hidden = sentence === "";
  line.querySelector("span").textContent = sentence;
  field.setAttribute("aria-invalid", String(sentence !== ""));
}

// Looks at the camera's picture until it shows a booklet.
class Scanner {
  constructor(form, buttons) {
    this.form = form;
    this.buttons = buttons;
    this.camera = document.getElementById("camera");
    this.video = document.getElementById("video");
    this.canvas = document.createElement("canvas");
    this.status = document.getElementById("scan-status");
    this.stream = null;
    this.run = 0; // grows with each start and stop, so that an old loop ends
  }

  async start() {
    const run = ++this.run;
    this.say(this.form.dataset.starting);
    try {
      const [detector, stream] = await Promise.all([loadDetector(), openCamera()]);
      if (run !== this.run) return release(stream);
      this.stream = stream;
      stream.getVideoTracks()[0].addEventListener("ended", () => this.stop(this.form.dataset.failed));
      this.video.srcObject = stream;
      this.show(true);
      await this.video.play();
      await this.look(run, detector);
    } catch (error) {
      if (run === this.run) this.stop(this.reason(error));
    }
  }

  stop(sentence) {
    if (!this.stream && !sentence) return;
    const wasOn = this.stream !== null || this.status.textContent !== "";
    this.run++;
    if (this.stream) release(this.stream);
    this.stream = null;
    this.video.srcObject = null;
    this.show(false);
    if (wasOn) this.say(sentence);
  }

  async look(run, detector) {
    const since = performance.now();
    this.say(this.form.dataset.looking);
    while (run === this.run) {
      const text = await this.read(detector);
      if (run !== this.run) return;
      if (text !== "" && isScanned(text)) return this.found(text);
      if (text !== "") this.say(this.form.dataset.other);
      else if (performance.now() - since > PATIENCE) this.say(this.form.dataset.closer);
      await new Promise((done) => setTimeout(done, PAUSE));
    }
  }

  // What the QR code in the picture says, "" where there is none.
  async read(detector) {
    const { videoWidth, videoHeight } = this.video;
    if (videoWidth === 0) return "";
    const scale = Math.min(1, LARGEST / Math.max(videoWidth, videoHeight));
    this.canvas.width = Math.round(videoWidth * scale);
    this.canvas.height = Math.round(videoHeight * scale);
    const context = this.canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(this.video, 0, 0, this.canvas.width, this.canvas.height);
    const codes = await detector.detect(this.canvas);
    return codes.length > 0 ? codes[0].rawValue : "";
  }

  found(text) {
    this.stop(this.form.dataset.read);
    navigator.vibrate?.(60);
    field.value = text;
    this.form.requestSubmit();
  }

  show(on) {
    this.camera.hidden = !on;
    this.buttons.start.hidden = on;
    this.buttons.stop.hidden = !on;
  }

  // Says a sentence once: a screen reader would repeat it.
  say(sentence) {
    if (this.status.textContent !== sentence) this.status.textContent = sentence;
  }

  reason(error) {
    switch (error.name) {
      case "NotAllowedError":
      case "SecurityError":
        return this.form.dataset.refused;
      case "NotFoundError":
      case "NotReadableError":
      case "OverconstrainedError":
        return this.form.dataset.none;
    }
    return this.form.dataset.failed;
  }
}

async function openCamera() {
  if (!navigator.mediaDevices?.getUserMedia) throw new DOMException("no camera", "NotFoundError");
  return navigator.mediaDevices.getUserMedia({
    audio: false,
    video: { facingMode: { ideal: "environment" }, width: { ideal: 1280 }, height: { ideal: 720 } },
  });
}

function release(stream) {
  for (const track of stream.getTracks()) track.stop();
}

// The browser's own reader where it reads QR codes, the vendored one elsewhere.
async function loadDetector() {
  const formats = (await globalThis.BarcodeDetector?.getSupportedFormats().catch(() => [])) ?? [];
  if (formats.includes("qr_code")) return new globalThis.BarcodeDetector({ formats: ["qr_code"] });
  const { BarcodeDetector } = await import("../vendor/qr/decode.js");
  return new BarcodeDetector({ formats: ["qr_code"] });
}

if (form && field) setUp();
