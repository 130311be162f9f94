/** Comfort only: the page reads as well without it. */
export const SCRIPT = `
'use strict';
const filter = document.querySelector('[data-filter]');
const routes = [...document.querySelectorAll('[data-words]')];
filter.addEventListener('input', () => {
  const words = filter.value.toLowerCase().split(/\\s+/).filter(Boolean);
  for (const route of routes) route.hidden = !words.every((word) => route.dataset.words.includes(word));
  for (const group of document.querySelectorAll('nav section')) {
    group.hidden = !group.querySelector('li:not([hidden])');
  }
});
for (const button of document.querySelectorAll('[data-copy]')) {
  // Not there on plain http from another machine.
  button.hidden = !navigator.clipboard;
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(button.closest('figure').querySelector('code').textContent);
    button.textContent = 'Copied';
    setTimeout(() => { button.textContent = 'Copy'; }, 1500);
  });
}
const small = matchMedia('(max-width: 60rem)');
const contents = document.querySelector('nav details');
contents.open = !small.matches;
contents.addEventListener('click', (event) => { if (small.matches && event.target.closest('li a')) contents.open = false; });
`;
