// Times in the viewer's own zone and one format; the server writes UTC, which stays where there is no JavaScript.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
// Sweden writes dates as ISO 8601 does.
const format = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "medium" });
const offset = new Intl.DateTimeFormat("en", { timeZoneName: "shortOffset" });
const offsetAt = (moment) =>
  offset.formatToParts(moment).find(({ type }) => type === "timeZoneName").value.replace("GMT", "UTC");

const UNITS = [
  [86_400, "d"],
  [3_600, "h"],
  [60, "min"],
];
function ago(moment) {
  const seconds = Math.max(0, (Date.now() - moment) / 1000);
  const [size, word] = UNITS.find(([unit]) => seconds >= unit) ?? [];
  return size ? `${Math.floor(seconds / size)} ${word} ago` : "just now";
}

function write() {
  for (const time of document.querySelectorAll("time[datetime]")) {
    const moment = new Date(time.dateTime);
    const exact = format.format(moment);
    const text = "ago" in time.dataset ? ago(moment) : exact;
    if (time.textContent !== text) time.textContent = text;
    time.title = `${exact} ${zone} (${offsetAt(moment)})`;
  }
  let at = "";
  for (const number of document.querySelectorAll(".line > a:not([title])")) {
    if (number.dataset.at) at = format.format(new Date(number.dataset.at / 1000));
    number.title = at;
  }
}

const twoDigits = (number) => String(number).padStart(2, "0");
const local = (moment) =>
  `${moment.getFullYear()}-${twoDigits(moment.getMonth() + 1)}-${twoDigits(moment.getDate())}` +
  `T${twoDigits(moment.getHours())}:${twoDigits(moment.getMinutes())}`;

for (const place of document.querySelectorAll("[data-zone]")) place.textContent = `${zone} (${offsetAt(new Date())})`;
// A time that somebody types is theirs; its address holds UTC.
for (const field of document.querySelectorAll("input[data-local]")) {
  if (field.value) field.value = local(new Date(`${field.value}Z`));
  field.form.addEventListener("formdata", ({ formData }) => {
    if (field.value) formData.set(field.name, new Date(field.value).toISOString().slice(0, 16));
  });
}
document.addEventListener("htmx:afterSwap", write);
setInterval(write, 20_000);
write();
