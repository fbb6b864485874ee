// The console in the browser. Pages work without it; with it they follow their rows, and have keys.
const $ = (chosen, root = document) => root.querySelector(chosen);
const $$ = (chosen, root = document) => [...root.querySelectorAll(chosen)];
const body = document.body;

// Parts of the page, as the server made them anew. What has the focus or is being read stays.
function replace(name, html) {
  if (name === 'new') return countNew(Number(html));
  for (const place of $$(`[data-part="${name}"]`)) {
    const card = document.activeElement?.closest('[data-card]');
    if (card && place.contains(card) && html.includes('data-key="a"')) continue;
    const open = $$('details[open]', place).length;
    const passages = $$('figure.passage', place).map((one) => one.dataset.of);
    const inner = $('.scroll', place);
    const top = inner ? inner.scrollTop : 0;
    place.innerHTML = html;
    if (open) $$('details', place).forEach((one) => { one.open = true; });
    if (inner && $('.scroll', place)) $('.scroll', place).scrollTop = top;
    for (const address of passages) $(`a[data-passage][href="${CSS.escape(address)}"]`, place)?.click();
  }
  stay();
}

function countNew(number) {
  const button = $('[data-new]');
  if (!button) return;
  button.hidden = number === 0;
  button.textContent = `${number} new`;
}

function line(html) {
  const list = $('[data-lines][data-open]');
  if (!list) return;
  const made = document.createElement('template');
  made.innerHTML = html;
  const fresh = made.content.firstElementChild;
  if (!fresh || $(`[data-line="${fresh.dataset.line}"]`, list)) return;
  $$('li:not([data-line])', list).forEach((one) => one.remove());
  list.append(fresh);
  stay();
}

// The end of a conversation stays in sight, unless somebody has scrolled up to read.
const turns = $('[data-turns]');
let atEnd = true;
turns?.addEventListener('scroll', () => {
  atEnd = turns.scrollHeight - turns.scrollTop - turns.clientHeight < 80;
});
function stay() {
  if (turns && atEnd) turns.scrollTop = turns.scrollHeight;
}
if (turns) turns.scrollTop = turns.scrollHeight;

// One stream a page that is looked at: a browser keeps six a host, and a closed one is no loss.
let stream = null;
let after = Number(body.dataset.after || 0);
let over = false;
function follow() {
  if (stream || over || !$('[data-part]')) return;
  const query = new URLSearchParams();
  if (body.dataset.follow) query.set('run', body.dataset.follow);
  if (after) query.set('after', String(after));
  if (body.dataset.newest) query.set('newest', body.dataset.newest);
  stream = new EventSource(`/live?${query}`);
  const heard = (name, act) => stream.addEventListener(name, (event) => {
    if (event.lastEventId) after = Math.max(after, Number(event.lastEventId));
    act(JSON.parse(event.data));
  });
  heard('part', (data) => replace(data.part, data.html));
  heard('line', (data) => line(data.html));
  heard('problem', (data) => { replace('answer', data.html); end(); });
  heard('over', end);
  heard('signed_out', () => { over = true; stream.close(); location.assign('/enter'); });
  stream.onopen = () => $$('[data-live]').forEach((one) => { one.textContent = 'live'; delete one.dataset.off; });
  stream.onerror = () => $$('[data-live]').forEach((one) => { one.textContent = 'offline'; one.dataset.off = ''; });
}
function leave() {
  stream?.close();
  stream = null;
}
function end() {
  leave();
  $$('[data-stop]').forEach((one) => one.remove());
  $$('[data-lines][data-open]').forEach((one) => delete one.dataset.open);
  delete body.dataset.follow;
  if (body.dataset.reload !== undefined) return location.reload();
  follow();
}
document.addEventListener('visibilitychange', () => (document.hidden ? leave() : follow()));
addEventListener('pagehide', leave);
addEventListener('pageshow', () => { if (!document.hidden) follow(); });
follow();

// Citations open their passage in place.
async function openPassage(chip) {
  const shown = chip.getAttribute('aria-expanded') === 'true';
  const holder = chip.closest('p, section, dl') ?? chip;
  const address = chip.getAttribute('href');
  $$(`figure.passage[data-of="${CSS.escape(address)}"]`).forEach((one) => one.remove());
  chip.setAttribute('aria-expanded', String(!shown));
  if (shown) return;
  const answer = await fetch(`${address}&part=1`, { headers: { accept: 'text/html' } });
  if (!answer.ok) return location.assign(address);
  const made = document.createElement('template');
  made.innerHTML = await answer.text();
  const figure = made.content.querySelector('figure');
  figure.dataset.of = address;
  holder.after(figure);
}

function show(view) {
  const room = $('.room');
  if (!room) return;
  room.dataset.view = view;
  $$('.views button').forEach((tab) => tab.setAttribute('aria-pressed', String(tab.dataset.show === view)));
  if (view === 'talk') stay();
}

document.addEventListener('click', (event) => {
  const chip = event.target.closest('a[data-passage]');
  if (chip && !event.metaKey && !event.ctrlKey) {
    event.preventDefault();
    openPassage(chip);
  }
  const tab = event.target.closest('[data-show]');
  if (tab) show(tab.dataset.show);
  const suggested = event.target.closest('[data-suggest]');
  if (suggested) {
    const field = $('[data-write] textarea');
    field.value = suggested.dataset.suggest;
    field.focus();
  }
});

// Writing: Enter sends, Shift with Enter breaks the line, the field grows.
const field = $('[data-write] textarea');
field?.addEventListener('input', () => {
  field.style.height = 'auto';
  field.style.height = `${Math.min(field.scrollHeight, 192)}px`;
});
field?.addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  if (field.value.trim()) field.form.requestSubmit();
});
$$('form[method="post"]').forEach((form) => form.addEventListener('submit', (event) => {
  if (form.dataset.sent) return event.preventDefault();
  form.dataset.sent = 'yes';
}));
addEventListener('pageshow', () => $$('form[data-sent]').forEach((form) => delete form.dataset.sent));

// Files dropped on the conversation go the way of those that are chosen.
const files = $('[data-files]');
const room = files?.closest('.talk');
const carriesFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes('Files');
room?.addEventListener('dragover', (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  room.dataset.drop = '';
});
room?.addEventListener('dragleave', (event) => {
  if (!room.contains(event.relatedTarget)) delete room.dataset.drop;
});
room?.addEventListener('drop', (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  delete room.dataset.drop;
  $('input[type="file"]', files).files = event.dataTransfer.files;
  files.requestSubmit();
});
files?.addEventListener('submit', () => { $('[data-sending]', files).textContent = 'Sending…'; });

// Keys.
const pages = { t: '/talk', r: '/runs', w: '/waiting', d: '/digests', m: '/memory', s: '/system', p: '/people' };
let going = 0;
function move(step) {
  const all = $$('[data-step], [data-row], [data-card]').filter((one) => one.offsetParent !== null);
  if (!all.length) return;
  const here = all.indexOf(document.activeElement?.closest('[data-step], [data-row], [data-card]'));
  const next = all[Math.min(all.length - 1, Math.max(0, here < 0 ? (step > 0 ? 0 : all.length - 1) : here + step))];
  next.focus();
  next.scrollIntoView({ block: 'nearest' });
}
function key(event) {
  const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (Date.now() - going < 1200 && pages[name]) return location.assign(pages[name]);
  going = name === 'g' ? Date.now() : 0;
  if (name === '?') return $('dialog.keys')?.showModal();
  if (name === '/') return ($('[data-write] textarea') ?? $('[data-search]'))?.focus();
  if (name === 'n') return location.assign('/talk');
  if (name === 'j' || name === 'k') return move(name === 'j' ? 1 : -1);
  if (name === 'Escape') return $('[data-stop]')?.requestSubmit();
  if (name === 'a' || name === 'd') {
    return document.activeElement?.closest('[data-card]')?.querySelector(`[data-key="${name}"]`)?.click();
  }
  return false;
}
// Ctrl K finds: the list is made by the server; arrows go through it, Enter opens.
const palette = $('dialog.palette');
const finder = $('[data-find]');
let asked = 0;
async function find() {
  asked += 1;
  const mine = asked;
  const answer = await fetch(`/find?${new URLSearchParams({ q: finder.value })}`);
  if (answer.ok && mine === asked) $('[data-places]').innerHTML = await answer.text();
}
finder?.addEventListener('input', find);
palette?.addEventListener('keydown', (event) => {
  const all = $$('[data-place]', palette);
  const here = all.indexOf(document.activeElement);
  const next = { ArrowDown: here + 1, ArrowUp: here - 1 }[event.key];
  if (next !== undefined) {
    event.preventDefault();
    (next < 0 ? finder : all[Math.min(next, all.length - 1)])?.focus();
  }
  if (event.key === 'Enter' && here < 0 && all.length) location.assign(all[0].href);
});
document.addEventListener('keydown', (event) => {
  if (event.key.toLowerCase() !== 'k' || !(event.ctrlKey || event.metaKey) || !palette) return;
  event.preventDefault();
  if (palette.open) return palette.close();
  palette.showModal();
  finder.select();
  find();
});
document.addEventListener('keydown', (event) => {
  const typing = event.target.closest('input, textarea, select');
  if (event.key === 'Escape' && typing) return typing.blur();
  if (typing || event.metaKey || event.ctrlKey || event.altKey || $('dialog[open]')) return;
  if (key(event) !== false && event.key !== 'Tab' && event.key !== 'Enter') {
    if (['j', 'k', '/', '?'].includes(event.key)) event.preventDefault();
  }
});
