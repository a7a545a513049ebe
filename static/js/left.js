// What people count that is still to come, rounded up: minutes, then hours, then days.

const MOST_MINUTES = 90;
const MOST_HOURS = 36;

export function left(milliseconds) {
  const minutes = Math.max(0, Math.ceil(milliseconds / 60_000));
  if (minutes <= MOST_MINUTES) return [minutes, "min"];
  const hours = Math.ceil(minutes / 60);
  return hours <= MOST_HOURS ? [hours, "h"] : [Math.ceil(hours / 24), "d"];
}
