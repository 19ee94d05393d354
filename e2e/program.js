// The program under test: the built binary, in a folder of its own, on a port of its own.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));

/** The account that holds face value: an IBAN of the standard's examples, of no real account. */
export const account = "FR7630006000011234567890189";
export const admin = { email: "operation@passerelle.example", password: "un pont sur le Fier 1862" };

/** The operator's own account: another example. */
export const operating = "FR1420041010050500013M02606";

const PATIENCE = 120_000; // ms until it answers, a first fetch of PostgreSQL included

/** What the walk cannot do without, each with the Debian package that brings it. */
const tools = { [chromium()]: "chromium", pdftoppm: "poppler-utils", pdfdetach: "poppler-utils", ffmpeg: "ffmpeg", xmllint: "libxml2-utils" };

/** The browser to drive. */
export function chromium() {
  return process.env.CHROMIUM || "/usr/bin/chromium";
}

/** Fails with the line that repairs it where a tool is missing: nothing is passed over. */
export function needTools() {
  const missing = Object.keys(tools).filter((tool) => {
    try {
      execFileSync("sh", ["-c", 'command -v "$1"', "sh", tool], { stdio: "ignore" });
      return false;
    } catch {
      return true;
    }
  });
  if (missing.length > 0) {
    throw new Error(`missing: ${missing.join(", ")}; try: apt-get install ${missing.map((tool) => tools[tool]).join(" ")}`);
  }
}

/** Runs `passerelle serve` and its other commands beside it, with settings beside the usual ones. */
export class Program {
  #data = mkdtempSync(join(tmpdir(), "passerelle-e2e-"));
  #log = [];
  #service;

  constructor(settings = {}) {
    this.settings = settings;
  }

  /** Builds the binary, makes the operator's first admin and waits until pages are served. */
  async start() {
    chmodSync(this.#data, 0o755); // as root PostgreSQL runs under an account of its own; its files are to go with ours
    this.binary = join(this.#data, "passerelle");
    execFileSync("go", ["build", "-o", this.binary, "./cmd/passerelle"], { cwd: root, stdio: "inherit" });
    this.port = await freePort();
    this.url = `http://localhost:${this.port}`;
    this.run("admin", "create", admin.email);
    this.#service = spawn(this.binary, ["serve"], { env: this.#env(), stdio: ["ignore", "ignore", "pipe"] });
    this.#service.stderr.on("data", (bytes) => this.#log.push(bytes));
    await this.#answers();
  }

  /** Runs another command on the same data; throws where its exit code is not 0. */
  run(...command) {
    return execFileSync(this.binary, command, { env: this.#env(), encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  }

  /** Everything the service has logged. */
  get log() {
    return Buffer.concat(this.#log).toString();
  }

  /** Stops the service as a terminal would and removes what it kept. */
  async stop() {
    if (this.#service?.exitCode === null) {
      const gone = once(this.#service, "exit");
      this.#service.kill("SIGTERM");
      await gone;
    }
    rmSync(this.#data, { recursive: true, force: true });
  }

  #env() {
    return {
      PATH: process.env.PATH, HOME: process.env.HOME, PG_BINDIR: process.env.PG_BINDIR ?? "",
      PASSERELLE_DATA: join(this.#data, "data"), PASSERELLE_PASSWORD: admin.password, PASSERELLE_DEV: "1", PORT: String(this.port),
      OPERATOR_NAME: "Passerelle des Aravis", OPERATOR_ADDRESS: "4 quai du Pont-Neuf, 74000 Annecy", OPERATOR_SIRET: "00001000900017",
      OPERATOR_PHONE: "04 65 71 00 00", SEGREGATED_IBAN: account, ...this.settings,
    };
  }

  async #answers() {
    const deadline = Date.now() + PATIENCE;
    while (Date.now() < deadline) {
      if (this.#service.exitCode !== null) break;
      const answer = await fetch(`${this.url}/readyz`).catch(() => null);
      if (answer?.ok) return;
      await new Promise((done) => setTimeout(done, 100));
    }
    throw new Error(`the service does not answer:\n${this.log}`);
  }
}

// A port of four digits: with five the address in a QR code is not "localhost" any more,
// and a browser keeps the cookies of two names apart.
async function freePort() {
  for (let port = 9000 + (process.pid % 900); ; port++) {
    const probe = createServer();
    try {
      probe.listen(port);
      await once(probe, "listening");
      return port;
    } catch (error) {
      if (error.code !== "EADDRINUSE" || port === 9999) throw error;
    } finally {
      probe.close();
    }
  }
}
