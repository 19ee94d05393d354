// Paper and pictures: what stands on a printed booklet, a film of it as a phone's camera
// sees it, and the README's pictures.

import { execFileSync } from "node:child_process";
import { join } from "node:path";

const quiet = { stdio: ["ignore", "pipe", "pipe"] };

/** The typed code on a booklet's PDF, "XXXX-XXXX-XXXX-XXX". */
export function typedCode(pdf) {
  const words = execFileSync("pdftotext", ["-layout", pdf, "-"], { ...quiet, encoding: "utf8" });
  return /\b(?:[0-9A-HJKMNP-TV-Z]{4}[-‑ ]){3}[0-9A-HJKMNP-TV-Z]{3}\b/.exec(words)[0];
}

/**
 * Cuts the QR code out of a booklet's first page at 150 dpi, a common office printer's
 * draft, and films it: smaller, turned by nine degrees, on a grey desk, with a camera's noise.
 * @param {string} pdf
 * @param {string} folder where the picture and the film are kept
 * @returns {string} the film's path, as Chromium's fake camera takes it
 */
export function film(pdf, folder) {
  const picture = join(folder, "qr");
  execFileSync("pdftoppm", ["-png", "-singlefile", "-r", "150", "-x", "740", "-y", "108", "-W", "380", "-H", "380", pdf, picture], quiet);
  const video = join(folder, "camera.y4m");
  execFileSync("ffmpeg", ["-v", "error", "-y", "-loop", "1", "-i", `${picture}.png`, "-t", "2", "-r", "10", "-vf",
    "scale=330:-1,pad=640:480:(ow-iw)/2:(oh-ih)/2:0x8d8a84,rotate=9*PI/180:fillcolor=0x8d8a84,noise=alls=12:allf=t,format=yuv420p", video], quiet);
  return video;
}

/** Writes a picture of a page with as many colours as it needs, 256 at most: a third of its size. */
export function shrink(png, path) {
  execFileSync("ffmpeg", ["-v", "error", "-y", "-f", "png_pipe", "-i", "-", "-vf",
    "split[a][b];[a]palettegen=stats_mode=single[p];[b][p]paletteuse=dither=none", "-update", "1", path], { input: png, stdio: ["pipe", "pipe", "pipe"] });
}
