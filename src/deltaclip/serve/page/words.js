/** How numbers, times and sizes are written. */

/** Seconds as a player shows them: 1:05.2, or 1:02:05.0. digits: of the fraction. */
export function clock(seconds, digits = 1) {
  const unit = 10 ** digits;
  const total = Math.round(Math.max(seconds, 0) * unit) / unit;
  const hours = Math.floor(total / 3600);
  const minutes = Math.floor(total / 60) % 60;
  const rest = (total % 60).toFixed(digits).padStart(digits ? 3 + digits : 2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

/** From one time to another; tenths only where they say something. */
export function span(start, end) {
  const isWhole = [start, end].every((each) => Math.abs(each - Math.round(each)) < 0.05);
  return `${clock(start, isWhole ? 0 : 1)}–${clock(end, isWhole ? 0 : 1)}`;
}

/** A length of time in words: 12 s, 3 min 4 s. */
export function lasting(seconds) {
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const whole = Math.round(seconds);
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours ? `${hours} h ${minutes} min` : `${minutes} min ${whole % 60} s`;
}

export function size(bytes) {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let step = 0;
  let rest = bytes;
  while (rest >= 1000 && step < units.length - 1) { rest /= 1000; step += 1; }
  return `${step && rest < 10 ? rest.toFixed(1) : Math.round(rest)} ${units[step]}`;
}

export function count(number, one, many = `${one}s`) {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}

export function percent(share) {
  const value = 100 * share;
  return `${value < 1 && value > 0 ? value.toFixed(1) : Math.round(value)}%`;
}
