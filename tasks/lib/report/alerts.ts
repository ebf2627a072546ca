import { nameOf, numberOf, type Row } from "./answer.ts";
import { cutText, escapeHtml } from "./html.ts";
import { formatCount, formatCountOf } from "./numbers.ts";

/** Envs and alerts of each that the page begins with. */
const MAX_ENVS = 6;
const MAX_ALERTS = 3;

/** The newest alerts of each env; nothing where there are none. */
export function formatAlerts(alerts: readonly Row[]): string {
  if (alerts.length === 0) return "";
  const envs = [...Map.groupBy(alerts, ({ env }) => nameOf(env))].slice(0, MAX_ENVS);
  const items = envs.map(([env, own]) => {
    const list = own.slice(0, MAX_ALERTS).map((alert) => `<li>${escapeHtml(textOf(alert))}</li>`);
    const more = own.length > MAX_ALERTS ? `<li>earlier ones: query alerts</li>` : "";
    return `<div><h3><bdi>${escapeHtml(cutText(env, 40))}</bdi></h3><ul>${list.join("")}${more}</ul></div>`;
  });
  return `<section class="alerts" id="alerts"><h2>Days that fell flat</h2><div class="envs">${
    items.join("")
  }</div></section>`;
}

function textOf({ first_day, last_day, days, alert, rows, usual }: Row): string {
  const span = first_day === last_day ? nameOf(last_day) : `${nameOf(first_day)} to ${nameOf(last_day)}`;
  const found = alert === "flat"
    ? formatCountOf(numberOf(rows), "row")
    : `no rows for ${formatCountOf(numberOf(days), "day")}`;
  return `${span}: ${found}, usually ${formatCount(numberOf(usual))} a day`;
}
