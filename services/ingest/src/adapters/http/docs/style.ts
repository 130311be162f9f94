/** Light and dark by the reader's own setting; one column on a telephone, three on a desk. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --paper: #fff; --ink: #1a2230; --faint: #5b6575; --line: #e2e6ec; --shade: #f5f7fa; --link: #0b5cad;
  --dark: #111826; --dark-ink: #e6edf6;
  --get: #0b6e4f; --post: #0b5cad; --put: #8a5300; --patch: #8a5300; --delete: #b3261e; --good: #0b6e4f; --bad: #b3261e;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #10151e; --ink: #e4e9f1; --faint: #9aa6b8; --line: #2a3342; --shade: #171e2a; --link: #7db8f5;
    --dark: #0a0e15; --dark-ink: #dbe4f0;
    --get: #56c99b; --post: #7db8f5; --put: #e5b45c; --patch: #e5b45c; --delete: #f28b82; --good: #56c99b; --bad: #f28b82;
  }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; scroll-padding-top: 1rem; -webkit-text-size-adjust: 100%; }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif; display: grid; grid-template-columns: 17.5rem minmax(0, 1fr); }
a { color: var(--link); text-decoration: none; }
a:hover { text-decoration: underline; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; border-radius: 3px; }
code, pre { font: 0.86em/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
:not(pre) > code { background: var(--shade); border: 1px solid var(--line); border-radius: 4px; padding: 0.05em 0.3em; overflow-wrap: anywhere; }
.skip { position: absolute; left: -100vw; }
.skip:focus { left: 1rem; top: 1rem; z-index: 2; background: var(--paper); padding: 0.5rem; }

nav { position: sticky; top: 0; height: 100vh; overflow-y: auto; border-right: 1px solid var(--line); background: var(--shade); padding: 1.25rem 1rem; font-size: 0.9rem; }
nav summary { font-size: 1.15rem; font-weight: 650; list-style: none; }
nav summary::-webkit-details-marker { display: none; }
nav small { color: var(--faint); font-weight: 400; }
nav input { width: 100%; margin: 0.9rem 0 0.25rem; padding: 0.45rem 0.6rem; border: 1px solid var(--line); border-radius: 6px; background: var(--paper); color: inherit; font: inherit; }
nav h2 { font-size: 0.72rem; letter-spacing: 0.06em; text-transform: uppercase; margin: 1.1rem 0 0.3rem; }
nav h2 a { color: var(--faint); }
nav ul { list-style: none; margin: 0; padding: 0; }
nav li a { display: flex; gap: 0.5rem; align-items: baseline; padding: 0.22rem 0.35rem; border-radius: 5px; color: inherit; line-height: 1.35; }
nav li a:hover { background: var(--line); text-decoration: none; }
nav .method { flex: 0 0 3.4rem; border: 0; padding: 0; font-size: 0.66rem; text-align: right; }

main { padding: 2rem clamp(1rem, 3vw, 3rem) 6rem; max-width: 84rem; }
.intro { max-width: 52rem; }
h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 0.5rem; }
.group > h2 { font-size: 1.45rem; margin: 3rem 0 0; padding-bottom: 0.4rem; border-bottom: 2px solid var(--line); }
.route { padding: 2rem 0; border-bottom: 1px solid var(--line); }
.route h3 { font-size: 1.15rem; margin: 0; }
.route h3 a { color: inherit; }
.address { margin: 0.35rem 0 0; display: flex; flex-wrap: wrap; gap: 0.5rem; align-items: center; }
h4 { font-size: 0.95rem; margin: 1.4rem 0 0.4rem; }
h5 { font-size: 0.85rem; margin: 0.8rem 0 0.3rem; color: var(--faint); }
.method { font: 700 0.72rem/1.4 ui-monospace, Menlo, Consolas, monospace; border: 1px solid currentColor; border-radius: 4px; padding: 0.1em 0.45em; }
.get { color: var(--get); } .post { color: var(--post); } .put { color: var(--put); } .patch { color: var(--patch); } .delete { color: var(--delete); }
.auth { font-size: 0.8rem; color: var(--faint); }
.columns { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 30rem); gap: 2rem; align-items: start; }
.shown { position: sticky; top: 1rem; }

.table { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-size: 0.9rem; }
tr { border-top: 1px solid var(--line); }
tr:first-child { border-top: 0; }
th, td { text-align: left; vertical-align: top; padding: 0.4rem 0.75rem 0.4rem 0; }
th { width: 38%; font-weight: 400; }
th.depth-1 { padding-left: 0.9rem; } th.depth-2 { padding-left: 1.8rem; } th.depth-3, th.depth-4 { padding-left: 2.7rem; }
th code { background: none !important; border: 0 !important; padding: 0 !important; }
.type { color: var(--faint); font: 0.82rem ui-monospace, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
.mark { color: var(--faint); font-size: 0.8rem; margin-left: 0.3em; }
.mark:empty { display: none; }
.answer { margin: 0.3rem 0; font-size: 0.92rem; }
summary { cursor: pointer; }
.answer > summary { padding: 0.15rem 0; }
details.answer > :not(summary) { margin-left: 1.1rem; }
p.answer { padding-left: 1.1rem; }
.status { font: 700 0.85rem ui-monospace, Menlo, Consolas, monospace; }
.status.good { color: var(--good); } .status.bad { color: var(--bad); }

figure { margin: 0.8rem 0; border-radius: 8px; overflow: hidden; background: var(--dark); color: var(--dark-ink); border: 1px solid var(--line); }
figcaption { display: flex; justify-content: space-between; align-items: center; font-size: 0.78rem; padding: 0.4rem 0.8rem; color: #9fb0c7; border-bottom: 1px solid #ffffff1a; }
button { font: inherit; color: inherit; background: none; border: 1px solid #ffffff33; border-radius: 4px; padding: 0.05rem 0.5rem; cursor: pointer; }
pre { margin: 0; padding: 0.8rem; overflow: auto; max-height: 34rem; }

@media (max-width: 80rem) { .columns { grid-template-columns: minmax(0, 1fr); gap: 0.5rem; } .shown { position: static; } }
@media (max-width: 60rem) {
  body { display: block; }
  nav { position: static; height: auto; border-right: 0; border-bottom: 1px solid var(--line); }
  nav summary::after { content: ' ▾'; color: var(--faint); }
  nav li a { padding: 0.5rem 0.35rem; }
  main { padding-top: 1.25rem; }
  th { width: 44%; }
}
@media print { nav, button { display: none; } body { display: block; } figure { break-inside: avoid; } }
`;
