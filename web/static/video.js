// The live picture: looks whether there is one, plays it, and gives way to the drawing when it ends, again and again.
// Works for itself: whatever goes wrong here, the room sells on.
"use strict";

const picture = document.querySelector("[data-picture]");
const video = picture.querySelector("video");
const address = picture.dataset.picture;
const LOOK_MS = 4000;
const LOOK_MOST_MS = 15000;
const STUCK_MS = 6000;
const NATIVE = video.canPlayType("application/vnd.apple.mpegurl") !== "";
let player = null;
let playing = false;
let last = "";
let wait = LOOK_MS;
let moved = { at: 0, to: 0 };
// Who saves data is asked first.
let halted = Boolean(navigator.connection && navigator.connection.saveData);

function press(name, on) {
  picture.querySelector(`[data-${name}]`).setAttribute("aria-pressed", String(on));
  picture.classList.toggle(`picture--${name}`, on);
}

// The playlist, when it says something that has not been played to its end.
async function look() {
  const response = await fetch(address, { cache: "no-store" }).catch(() => null);
  if (!response || response.status !== 200) return false;
  const words = await response.text();
  if (!words.includes("#EXTINF") || words === last) return false;
  last = words;
  return true;
}

// A browser that lets nothing play by itself leaves it to the button.
function begin() {
  video.play().catch((refused) => { if (refused.name === "NotAllowedError") halt(true); });
}

async function play() {
  playing = true;
  moved = { at: Date.now(), to: video.currentTime };
  if (NATIVE && !window.MediaSource) {
    video.src = address;
    begin();
  } else {
    const { default: Hls } = await import(picture.dataset.player);
    if (!Hls.isSupported()) return stop();
    // Short buffers: a cheap phone has little memory. No worker: its script would have to come from a blob.
    player = new Hls({ enableWorker: false, liveSyncDurationCount: 2, maxBufferLength: 10, backBufferLength: 4, maxLiveSyncPlaybackRate: 1.1 });
    player.on(Hls.Events.MANIFEST_PARSED, begin);
    player.on(Hls.Events.ERROR, (_event, error) => { if (error.fatal) stop(); });
    player.loadSource(address);
    player.attachMedia(video);
  }
}

function stop() {
  if (player) player.destroy();
  player = null;
  video.removeAttribute("src");
  video.load();
  playing = false;
  picture.hidden = true;
}

// Every so often: begin where there is something to begin with, and see whether the picture still moves.
async function tend() {
  if (playing) {
    if (video.currentTime !== moved.to || video.paused && !video.ended) moved = { at: Date.now(), to: video.currentTime };
    if (Date.now() - moved.at > STUCK_MS) { await look(); stop(); }
    wait = LOOK_MS;
  } else if (!document.hidden) {
    const found = await look();
    if (halted) picture.hidden = !found;
    else if (found) await play().catch(stop);
    wait = found ? LOOK_MS : Math.min(wait * 1.3, LOOK_MOST_MS);
  }
  setTimeout(tend, (playing ? 1000 : wait) * (0.8 + 0.4 * Math.random()));
}

function sound(on) {
  video.muted = !on;
  press("sound", on);
}
function halt(on) {
  halted = on;
  press("halt", on);
  if (on) { stop(); picture.hidden = false; last = ""; } else { play().catch(stop); }
}
video.addEventListener("error", () => { if (playing && !player) stop(); });
video.addEventListener("playing", () => { picture.hidden = false; });
video.addEventListener("resize", () => picture.classList.toggle("picture--wide", video.videoWidth > video.videoHeight));
video.addEventListener("click", () => sound(video.muted));
picture.querySelector("[data-sound]").addEventListener("click", () => sound(video.muted));
picture.querySelector("[data-halt]").addEventListener("click", () => halt(!halted));
// Nobody looks and nobody listens: the line is for something else.
document.addEventListener("visibilitychange", () => {
  if (document.hidden && video.muted && playing) { stop(); last = ""; }
});
press("halt", halted);
tend();
