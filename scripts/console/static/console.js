// The console in the browser. Pages work without it; with it they follow their rows, and have keys.
const $ = (chosen, root = document) => root.querySelector(chosen);
const $$ = (chosen, root = document) => [...root.querySelectorAll(chosen)];
const body = document.body;
document.documentElement.dataset.scripted = '';

// Parts of the page, as the server made them anew: what did not change stays as it is, so the focus,
// what was opened and what was typed stay, too.
const OWN = 'figure.passage[data-of], .gone';
const KEPT = new Set(['open', 'aria-expanded', 'data-sent', 'data-open']);
function replace(name, html) {
  for (const place of $$(`[data-part="${name}"]`)) {
    const made = document.createElement('template');
    made.innerHTML = html;
    const focused = place.contains(document.activeElement);
    morph(place, made.content);
    if (focused && !place.contains(document.activeElement)) refocus(place);
  }
  stay();
}

function isOwn(node) {
  return node.nodeType === 1 && node.matches(OWN);
}

function morph(old, fresh) {
  const known = new Map([...old.children].filter((one) => one.id).map((one) => [one.id, one]));
  const wanted = new Set([...fresh.children].map((one) => one.id).filter(Boolean));
  let place = old.firstChild;
  const skip = () => {
    while (place && (isOwn(place) || (place.id && !wanted.has(place.id)))) place = place.nextSibling;
  };
  for (const node of [...fresh.childNodes]) {
    skip();
    const same = place && place.nodeName === node.nodeName && !place.id ? place : null;
    const match = node.id ? known.get(node.id) : same;
    if (!match || match.nodeName !== node.nodeName) {
      old.insertBefore(node, place);
    } else {
      if (match === place) place = place.nextSibling;
      else old.insertBefore(match, place);
      known.delete(match.id);
      update(match, node);
    }
  }
  const kept = new Set([...fresh.childNodes]);
  const last = place;
  for (let one = last; one; ) {
    const next = one.nextSibling;
    if (!isOwn(one) && !kept.has(one) && !(one.id && wanted.has(one.id))) remove(one);
    one = next;
  }
  for (const one of known.values()) if (!wanted.has(one.id) && one.parentNode === old) remove(one);
}

function update(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  if (old.nodeType !== 1) {
    old.nodeValue = fresh.nodeValue;
    return;
  }
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !KEPT.has(name)) old.removeAttribute(name);
  }
  for (const { name, value } of [...fresh.attributes]) {
    if (old.getAttribute(name) !== value && !(KEPT.has(name) && old.hasAttribute(name))) old.setAttribute(name, value);
  }
  morph(old, fresh);
}

// A question that somebody else answered stays where it is, so that no other one moves under the hand.
function remove(node) {
  if (node.nodeType !== 1 || !node.matches('[data-card]')) return node.remove();
  node.classList.add('gone');
  node.inert = true;
  $('header span', node).textContent = 'answered';
}

function refocus(place) {
  const next = $('[data-card]:not(.gone), [data-row], [data-step]', place) ?? $('#main');
  if (!next.hasAttribute('tabindex') && !next.matches('a')) next.tabIndex = -1;
  next.focus({ preventScroll: true });
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
let again = 1000;
function follow() {
  if (stream || over || !$('[data-part]')) return;
  const query = new URLSearchParams({ page: body.dataset.page });
  if (body.dataset.follow) query.set('run', body.dataset.follow);
  if (body.dataset.follow && after) query.set('after', String(after));
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
  stream.onopen = () => {
    again = 1000;
    $$('[data-live]').forEach((one) => { one.textContent = 'live'; delete one.dataset.off; });
  };
  stream.onerror = () => {
    $$('[data-live]').forEach((one) => { one.textContent = 'offline'; one.dataset.off = ''; });
    // A browser asks again by itself, but not after an answer such as 503.
    if (stream?.readyState !== EventSource.CLOSED) return;
    leave();
    setTimeout(follow, again);
    again = Math.min(2 * again, 60000);
  };
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

// A step of the flow opens beside it: what it got, said, read and cost.
const picked = $('[data-picked]');
let pickedFrom = '';
async function pick(step) {
  const [address] = step.getAttribute('href').split('#');
  const answer = await fetch(`${address}&part=1`, { headers: { accept: 'text/html' } });
  if (!answer.ok || !picked || picked.closest('.col').offsetParent === null && innerWidth > 759) return location.assign(step.href);
  picked.innerHTML = await answer.text();
  pickedFrom = step.getAttribute('href');
  if (innerWidth < 760) show('state');
  $('.picked', picked).focus();
}
function unpick() {
  picked.replaceChildren();
  if (innerWidth < 760) show('flow');
  $(`[data-step][href="${CSS.escape(pickedFrom)}"]`)?.focus();
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
  const step = event.target.closest('.room [data-step]');
  if (step && !event.metaKey && !event.ctrlKey) {
    event.preventDefault();
    pick(step);
  }
  if (event.target.closest('[data-unpick]')) unpick();
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
$('input[type="file"]', files ?? document.createElement('form'))?.addEventListener('change', () => files.requestSubmit());
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
  if (name === 'Escape') return picked?.firstChild ? unpick() : $('[data-stop]')?.requestSubmit();
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
